"""Take over channels and jobs that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(__file__)


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="channel", options={}),
        migrations.AlterModelOptions(name="job", options={}),
    ]
