"""A signature of seven bytes in a row: the parts of a rare name or number are often common."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("logs", "0017_say_more_of_blocks")]

    operations = [
        migrations.AddField("logblock", "word_sig", models.BinaryField(db_default=b"", default=b"")),
        migrations.RunSQL(
            "ALTER TABLE log_blocks ALTER word_sig SET STORAGE EXTERNAL", reverse_sql=migrations.RunSQL.noop
        ),
    ]
