"""What services tell us back is received once, and messages keep the name that their receiver gave them."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models.functions import Now

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [("accounts", "0011_identity_providers"), ("notifications", "0011_delivery_log")]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="last_refused_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(model_name="job", name="receipt", field=models.TextField(blank=True, null=True)),
        migrations.CreateModel(
            name="ReceivedEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event_id", models.TextField()),
                ("word", models.TextField(blank=True, default="")),
                ("by", models.TextField(blank=True, default="")),
                ("alert_id", models.TextField(blank=True, default="")),
                ("subject_id", models.BigIntegerField(blank=True, null=True)),
                ("result", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField(db_default=Now(), default=django.utils.timezone.now)),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="received",
                        to="notifications.channel",
                    ),
                ),
                (
                    "org",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.org",
                    ),
                ),
            ],
            options={
                "db_table": "notification_received_events",
                "constraints": [
                    models.UniqueConstraint(fields=["channel", "event_id"], name="notification_received_events_key"),
                ],
                "indexes": [
                    models.Index(
                        models.F("channel"),
                        models.OrderBy(models.F("id"), descending=True),
                        name="notification_received_channel",
                    ),
                    models.Index(
                        fields=["channel", "alert_id"],
                        condition=models.Q(subject_id__isnull=False),
                        name="notification_received_alert",
                    ),
                ],
            },
        ),
        add_foreign_key("notification_received_events", "org_id", "orgs", on_delete="CASCADE"),
        add_foreign_key("notification_received_events", "channel_id", "notification_channels", on_delete="CASCADE"),
    ]
