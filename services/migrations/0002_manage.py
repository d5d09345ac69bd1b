"""Take over services, environments and keys that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(__file__)


class Migration(migrations.Migration):
    dependencies = [("services", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="service", options={}),
        migrations.AlterModelOptions(name="environment", options={}),
        migrations.AlterModelOptions(name="apikey", options={"verbose_name": "API key"}),
        migrations.AlterModelOptions(name="ratebucket", options={}),
    ]
