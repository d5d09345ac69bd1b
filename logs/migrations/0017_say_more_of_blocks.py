"""A second signature of a block's texts, when it was found to be damaged, and what retention and diagnostics look up."""

from django.db import migrations, models

# The web's role reads blocks and changes none; that one cannot be read is found while it reads.
_NOTE = """
CREATE FUNCTION note_damaged_block(org uuid, block bigint) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    UPDATE log_blocks SET damaged_at = now() WHERE org_id = org AND id = block AND damaged_at IS NULL
$$
"""


class Migration(migrations.Migration):
    dependencies = [("logs", "0016_name_indexes_shortly")]

    operations = [
        migrations.AddField("logblock", "part_sig", models.BinaryField(db_default=b"", default=b"")),
        migrations.RunSQL(
            "ALTER TABLE log_blocks ALTER part_sig SET STORAGE EXTERNAL", reverse_sql=migrations.RunSQL.noop
        ),
        migrations.AddField("logblock", "damaged_at", models.DateTimeField(editable=False, null=True)),
        migrations.RunSQL(_NOTE, reverse_sql="DROP FUNCTION note_damaged_block(uuid, bigint)"),
        migrations.AddIndex("logblock", models.Index(fields=["end_ts", "start_ts"], name="log_blocks_days_idx")),
        migrations.AddIndex(
            "logblock",
            models.Index(
                condition=models.Q(("damaged_at__isnull", False)),
                fields=["damaged_at"],
                name="log_blocks_damaged_idx",
            ),
        ),
    ]
