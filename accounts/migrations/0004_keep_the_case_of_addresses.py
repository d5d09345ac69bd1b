"""Hold users' addresses as they are while allauth's 0006 lower-cases every address that it finds.

Older databases have addresses of mixed case, even two accounts that differ in case alone: lower-casing them would break
the unique constraint, and the sign-in of people who spell theirs exactly. 0005 lets go again.
"""

from django.db import migrations

HOLD = """
CREATE OR REPLACE FUNCTION hold_user_email() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.email := OLD.email;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER users_hold_email BEFORE UPDATE OF email ON users
    FOR EACH ROW EXECUTE FUNCTION hold_user_email();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_sign_in_invite_audit")]
    run_before = [("account", "0006_emailaddress_lower")]

    operations = [migrations.RunSQL(HOLD, reverse_sql=migrations.RunSQL.noop)]
