from django.db import migrations, models

from config.core.guards import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("inventory", "0005_files")]

    operations = [
        migrations.AddField(
            model_name="stockmovement",
            name="clock_offset_ms",
            field=models.BigIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            model_name="stockmovement",
            name="sequence",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        AppendOnly("stock_movements"),  # SQLite drops triggers when a table is rebuilt
    ]
