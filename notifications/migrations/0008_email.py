"""Channels may be addresses of e-mail."""

from django.db import migrations, models

_KINDS = ["discord", "email", "slack"]


class Migration(migrations.Migration):
    dependencies = [("notifications", "0007_receiver_of_channels")]

    operations = [
        migrations.AlterField(
            model_name="channel",
            name="type",
            field=models.CharField(
                choices=[("slack", "Slack"), ("discord", "Discord"), ("email", "E-mail")], max_length=50
            ),
        ),
        migrations.RemoveConstraint(model_name="channel", name="notification_channels_type_check"),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(type__in=_KINDS), name="notification_channels_type_check"
            ),
        ),
    ]
