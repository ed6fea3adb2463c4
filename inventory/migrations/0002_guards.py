"""The ledger is append-only, and no row refers to another device's, in the database itself."""

from django.db import migrations

from config.core.guards import AppendOnly, ScopedReference

REFERENCES = [
    ("categories", "parent_id", "categories"),
    ("products", "category_id", "categories"),
    ("barcodes", "product_id", "products"),
    ("locations", "parent_id", "locations"),
    ("lots", "product_id", "products"),
    ("stock_movements", "product_id", "products"),
    ("stock_movements", "from_location_id", "locations"),
    ("stock_movements", "to_location_id", "locations"),
    ("stock_movements", "lot_id", "lots"),
    ("stock_movements", "reverses_id", "stock_movements"),
    ("stock_levels", "product_id", "products"),
    ("stock_levels", "location_id", "locations"),
    ("stock_levels", "lot_id", "lots"),
    ("tasks", "location_id", "locations"),
]


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial"), ("devices", "0002_guards")]

    operations = [
        AppendOnly("stock_movements"),
        *[ScopedReference(table, column, target) for table, column, target in REFERENCES],
    ]
