"""Indexes: what migrations dropped stays away, in both directions, and the triggers of facts survive it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, migrations, models
from django.db.migrations.state import ProjectState

from config.core.indexes import DropOwnIndex

CREATE = [
    migrations.CreateModel(name="Shelf", fields=[("id", models.BigAutoField(primary_key=True))]),
    migrations.CreateModel(
        name="Box",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("shelf", models.ForeignKey("sandbox.shelf", on_delete=models.CASCADE)),
            ("lid", models.ForeignKey("sandbox.shelf", on_delete=models.CASCADE, related_name="+")),
        ],
    ),
]


def state(*operations: Any) -> ProjectState:
    made = ProjectState()
    for operation in operations:
        operation.state_forwards("sandbox", made)
    return made


def indexed() -> list[str]:
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "sandbox_box").values()
    return sorted(one["columns"][0] for one in found if one["index"] and not one["unique"])


@pytest.mark.django_db(transaction=True)
def test_only_that_index_goes_and_it_comes_back() -> None:
    drop = DropOwnIndex("box", "shelf", models.ForeignKey("sandbox.shelf", on_delete=models.CASCADE, db_index=False))
    assert "shelf" in drop.describe()
    before, after = state(*CREATE), state(*CREATE, drop)
    try:
        with connection.schema_editor() as editor:
            for number, operation in enumerate(CREATE):
                operation.database_forwards("sandbox", editor, state(*CREATE[:number]), state(*CREATE[: number + 1]))
        assert indexed() == ["lid_id", "shelf_id"]
        with connection.schema_editor() as editor:
            drop.database_forwards("sandbox", editor, before, after)
        assert indexed() == ["lid_id"]
        with connection.schema_editor() as editor:
            drop.database_backwards("sandbox", editor, after, before)
        assert indexed() == ["lid_id", "shelf_id"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE sandbox_box")
            cursor.execute("DROP TABLE sandbox_shelf")


@pytest.mark.django_db
def test_every_owned_table_is_found_by_device_and_something_else() -> None:
    """An index on the device alone is gone from all of them, so the planner cannot choose it."""
    with connection.cursor() as cursor:
        for table in ("products", "barcodes", "stock_movements", "count_entries", "devices_event"):
            known = connection.introspection.get_constraints(cursor, table).values()
            assert ["device_id"] not in [found["columns"] for found in known if found["index"]], table
