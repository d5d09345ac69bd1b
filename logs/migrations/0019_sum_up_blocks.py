"""What a block has all in all, so that a sum over whole blocks opens none. Blocks that were sealed before have none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("logs", "0018_sign_words_of_blocks")]

    operations = [
        migrations.AddField("logblock", "summary", models.BinaryField(null=True)),
        migrations.RunSQL(
            "ALTER TABLE log_blocks ALTER summary SET STORAGE EXTERNAL", reverse_sql=migrations.RunSQL.noop
        ),
    ]
