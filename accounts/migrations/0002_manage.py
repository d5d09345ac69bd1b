"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="user", options={}),
        migrations.AlterModelOptions(name="org", options={"verbose_name": "organisation"}),
        migrations.AlterModelOptions(name="membership", options={}),
        migrations.AlterModelOptions(name="auditlog", options={}),
        migrations.AlterModelOptions(name="session", options={}),
    ]
