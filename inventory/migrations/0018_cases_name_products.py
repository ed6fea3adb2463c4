"""Cases name the product that they are about."""

import django.db.models.deletion
from django.db import migrations, models

from config.core.guards import ScopedReference


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0017_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="product",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inventory.product",
            ),
        ),
        ScopedReference("cases", "product_id", "products"),
    ]
