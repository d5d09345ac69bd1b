"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("core", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(
            name="cronrun",
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
    ]
