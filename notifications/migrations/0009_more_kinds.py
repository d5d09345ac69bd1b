"""Channels may be of ten kinds more: each has its file in notifications/channels/."""

from django.db import migrations, models

_LABELS = {
    "slack": "Slack",
    "discord": "Discord",
    "email": "E-mail",
    "teams": "Microsoft Teams",
    "telegram": "Telegram",
    "ntfy": "ntfy",
    "gotify": "Gotify",
    "mattermost": "Mattermost",
    "rocketchat": "Rocket.Chat",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie, Jira alerts",
    "webhook": "Signed webhook",
}


class Migration(migrations.Migration):
    dependencies = [("notifications", "0008_email")]

    operations = [
        migrations.AlterField(
            model_name="channel", name="type", field=models.CharField(choices=list(_LABELS.items()), max_length=50)
        ),
        migrations.RemoveConstraint(model_name="channel", name="notification_channels_type_check"),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(type__in=sorted(_LABELS)), name="notification_channels_type_check"
            ),
        ),
    ]
