"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="alertrule", options={}),
        migrations.AlterModelOptions(name="alertfiring", options={}),
    ]
