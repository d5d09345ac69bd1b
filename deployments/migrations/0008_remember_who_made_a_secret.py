"""Remember who was shown an integration's secret; of those there are, the audit log knows."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_ACTIONS = ("github_integration.created", "github_integration.secret_rotated")


def fill_in(apps: Any, schema_editor: Any) -> None:
    """Take the last who created or rotated each secret."""
    database = schema_editor.connection.alias
    log = apps.get_model("accounts", "AuditLog").objects.using(database)
    log = log.filter(action__in=_ACTIONS, actor_user__isnull=False)
    integrations = apps.get_model("deployments", "GitHubIntegration").objects.using(database)
    for integration in integrations.select_related("service"):
        newest = log.filter(org_id=integration.service.org_id, resource_id=str(integration.pk)).order_by("-id").first()
        if newest:
            integration.secret_made_by_id = newest.actor_user_id
            integration.save(update_fields=["secret_made_by"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_identity_providers"),
        ("deployments", "0007_deliveries_name_their_provider"),
    ]

    operations = [
        migrations.AddField(
            model_name="githubintegration",
            name="secret_made_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
