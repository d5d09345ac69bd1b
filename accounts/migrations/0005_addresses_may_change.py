"""allauth's lower-casing is over: addresses may change again."""

from django.db import migrations

LET_GO = "DROP TRIGGER IF EXISTS users_hold_email ON users; DROP FUNCTION IF EXISTS hold_user_email();"


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_keep_the_case_of_addresses"),
        ("account", "0006_emailaddress_lower"),
    ]

    operations = [migrations.RunSQL(LET_GO, reverse_sql=migrations.RunSQL.noop)]
