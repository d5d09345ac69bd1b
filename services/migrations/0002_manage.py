"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("services", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="service", options={}),
        migrations.AlterModelOptions(name="environment", options={}),
        migrations.AlterModelOptions(name="apikey", options={"verbose_name": "API key"}),
        migrations.AlterModelOptions(name="ratebucket", options={}),
    ]
