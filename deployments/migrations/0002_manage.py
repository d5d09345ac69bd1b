"""From here on the tables are Django's to migrate."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_baseline")]

    operations = [
        migrations.AlterModelOptions(name="githubintegration", options={"verbose_name": "GitHub integration"}),
        migrations.AlterModelOptions(name="webhookdelivery", options={"verbose_name_plural": "webhook deliveries"}),
        migrations.AlterModelOptions(name="deployment", options={}),
    ]
