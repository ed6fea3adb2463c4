"""Events and operations are found by device and something else: an index on the device alone only costs."""

import django.db.models.deletion
from django.db import migrations, models

from config.core.indexes import DropOwnIndex


class Migration(migrations.Migration):
    dependencies = [("devices", "0006_server_events")]

    operations = [
        DropOwnIndex(
            model_name=name,
            name="device",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="devices.device"
            ),
        )
        for name in ("event", "operation")
    ]
