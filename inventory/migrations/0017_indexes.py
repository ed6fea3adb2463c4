"""Every index of an owned table leads with the device: one on the device alone only misleads the planner."""

import django.db.models.deletion
from django.db import migrations, models

from config.core.indexes import DropOwnIndex

OWNED = (
    *("alert", "barcode", "case", "category", "countentry", "countsheet", "labeltemplate", "location", "lot"),
    *("product", "scanevent", "stocklevel", "stockmovement", "stocktake", "stocktakeline", "task"),
)


class Migration(migrations.Migration):
    dependencies = [("devices", "0007_indexes"), ("inventory", "0016_deliveries_of_jobs")]

    operations = [
        *(
            DropOwnIndex(
                model_name=name,
                name="device",
                field=models.ForeignKey(
                    db_index=False,
                    editable=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="+",
                    to="devices.device",
                ),
            )
            for name in OWNED
        ),
        DropOwnIndex(
            model_name="importrow",
            name="session",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="rows",
                to="inventory.importsession",
            ),
        ),
        migrations.AddIndex("product", models.Index(fields=["device", "sku"], name="product_lookup")),
    ]
