"""What delivery needs to know: who holds a job, which channel it is for, and how that channel does."""

import django.db.models.deletion
from django.db import migrations, models

from pulseops.core.db.sql import add_foreign_key


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_uuid_defaults"),
    ]

    operations = [
        migrations.AddField(
            model_name="channel",
            name="failures",
            field=models.IntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="channel",
            name="gather_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="last_error",
            field=models.TextField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="last_failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="last_sent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="channel",
            name="name",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="channel",
            name="paused_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="batch",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="channel",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="jobs",
                to="notifications.channel",
            ),
        ),
        migrations.AddField(
            model_name="job",
            name="lease",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="sent_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="job",
            name="subject_id",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="channel",
            name="type",
            field=models.CharField(choices=[("slack", "Slack"), ("discord", "Discord")], max_length=50),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                models.F("org"),
                models.OrderBy(models.F("created_at"), descending=True),
                name="notification_jobs_org_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", ["pending", "processing"])),
                fields=["channel", "created_at"],
                name="notification_jobs_due_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("subject_id__isnull", False)),
                fields=["subject_id"],
                name="notification_jobs_subject_idx",
            ),
        ),
        add_foreign_key("notification_jobs", "channel_id", "notification_channels", on_delete="SET NULL"),
    ]
