"""How many bytes a key sent in a minute, beside how many logs."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("services", "0004_key_scopes_and_networks")]

    operations = [
        migrations.AddField(
            model_name="ratebucket",
            name="bytes",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
