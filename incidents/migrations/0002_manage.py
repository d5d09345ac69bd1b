"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="incident", options={}),
        migrations.AlterModelOptions(name="incidentevent", options={}),
    ]
