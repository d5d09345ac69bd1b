"""Take over logs that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(__file__)


class Migration(migrations.Migration):
    dependencies = [("logs", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="logentry", options={"verbose_name": "log"}),
    ]
