"""What tells whose secrets a database was filled with."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0004_runs_say_when"),
    ]

    operations = [
        migrations.CreateModel(
            name="SecretCheck",
            fields=[
                ("name", models.TextField(primary_key=True, serialize=False)),
                ("value", models.TextField()),
            ],
            options={
                "db_table": "secret_checks",
            },
        ),
    ]
