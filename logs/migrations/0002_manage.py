"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("logs", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="logentry", options={"verbose_name": "log"}),
    ]
