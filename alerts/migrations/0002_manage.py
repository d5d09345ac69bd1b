"""Take over rules and firings that were there before. From here on the tables are Django's to migrate."""

from django.db import migrations

from pulseops.core.adoption.takeover import Adoption

ADOPTION = Adoption(__file__, script="0002_parameters.sql")


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_baseline"), ("core", "0002_manage")]

    operations = [
        ADOPTION.operation(),
        migrations.AlterModelOptions(name="alertrule", options={}),
        migrations.AlterModelOptions(name="alertfiring", options={}),
    ]
