"""Scans and count entries are append-only, and no row refers to another device's, in the database itself."""

from django.db import migrations

from config.core.guards import AppendOnly, ScopedReference

REFERENCES = [
    ("stocktakes", "location_id", "locations"),
    ("stocktakes", "category_id", "categories"),
    ("count_sheets", "stocktake_id", "stocktakes"),
    ("count_sheets", "location_id", "locations"),
    *(
        (table, f"{name}_id", target)
        for table in ("scan_events", "count_entries")
        for name, target in (
            ("sheet", "count_sheets"),
            ("product", "products"),
            ("location", "locations"),
            ("lot", "lots"),
        )
    ),
    ("count_entries", "scan_id", "scan_events"),
    ("stocktake_lines", "stocktake_id", "stocktakes"),
    ("stocktake_lines", "product_id", "products"),
    ("stocktake_lines", "location_id", "locations"),
    ("stocktake_lines", "lot_id", "lots"),
    ("stocktake_lines", "movement_id", "stock_movements"),
]


class Migration(migrations.Migration):
    dependencies = [("inventory", "0011_counting")]

    operations = [
        AppendOnly("scan_events"),
        AppendOnly("count_entries"),
        *[ScopedReference(table, column, target) for table, column, target in REFERENCES],
    ]
