"""What a review says of an incident: cause, impact, what follows from it."""

from django.db import migrations, models


def _text() -> models.TextField:
    return models.TextField(blank=True, db_default="", default="")


class Migration(migrations.Migration):
    dependencies = [("incidents", "0007_maintenance")]

    operations = [
        migrations.AddField(model_name="incident", name="cause", field=_text()),
        migrations.AddField(model_name="incident", name="impact", field=_text()),
        migrations.AddField(model_name="incident", name="follow_ups", field=_text()),
    ]
