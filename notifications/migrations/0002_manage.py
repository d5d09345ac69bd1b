"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="channel", options={}),
        migrations.AlterModelOptions(name="job", options={}),
    ]
