"""Append-only tables refuse UPDATE, DELETE and what amounts to them, in the database itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.migrations.state import ProjectState

from config.core.guards import AppendOnly, ScopedReference
from devices.models import Event, PurgePermit
from inventory.models import StockMovement
from tests import factories

POSTGRESQL = connection.vendor == "postgresql"


def columns(table: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608  # a table's own name
        return list(cursor.fetchall())


@pytest.fixture
def history(db: None) -> list[str]:
    """Both tables, each with rows."""
    factories.make_movement(factories.make_device())
    return [Event._meta.db_table, StockMovement._meta.db_table]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {table} SET revision = revision + 1",
        "DELETE FROM {table}",
        "UPDATE {table} SET id = id + 1000",
        pytest.param(
            "INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
            marks=pytest.mark.skipif(POSTGRESQL, reason="PostgreSQL has no REPLACE"),
        ),
    ],
)
def test_history_cannot_be_rewritten_by_sql(history: list[str], statement: str) -> None:
    for table in history:
        before = columns(table)
        assert before
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(table=table))
        assert columns(table) == before


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has no TRUNCATE")
@pytest.mark.django_db(transaction=True)
def test_history_cannot_be_truncated() -> None:
    factories.make_movement(factories.make_device())
    for table in (Event._meta.db_table, StockMovement._meta.db_table):
        before = columns(table)
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
        assert before
        assert columns(table) == before


def test_history_cannot_be_rewritten_by_the_orm(history: list[str]) -> None:
    event = Event.objects.order_by("id")[0]
    event.action = "forged"
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save()
    with pytest.raises(DatabaseError), transaction.atomic():
        event.delete()
    with pytest.raises(DatabaseError), transaction.atomic():
        StockMovement.all_objects.update(quantity=5)
    assert Event.objects.get(pk=event.pk).action != "forged"
    assert StockMovement.objects.get().quantity == 1


def test_a_permit_allows_deletes_but_no_update(history: list[str]) -> None:
    permit = PurgePermit.objects.create(reason="retention")
    assert str(permit) == "retention"
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.update(action="forged")
    assert Event.objects.all().delete()[0] > 0
    permit.delete()
    factories.make_device()
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.all().delete()


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has one writer at a time: nobody else can delete meanwhile")
@pytest.mark.django_db(transaction=True)
def test_an_uncommitted_permit_is_nobody_elses() -> None:
    factories.make_device()
    before = Event.objects.count()
    with transaction.atomic():
        PurgePermit.objects.create(reason="retention")
        second = connections["default"].copy("second")
        try:
            with pytest.raises(DatabaseError, match="append-only"), second.cursor() as cursor:
                cursor.execute("DELETE FROM devices_event")
        finally:
            second.close()
    PurgePermit.objects.all().delete()
    assert Event.objects.count() == before


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite cannot add constraints to a table; the services guard it")
def test_no_row_refers_to_another_devices(db: None) -> None:
    product = factories.make_product(factories.make_device())
    foreign = factories.make_category(factories.make_device())
    statements = (
        f"UPDATE products SET category_id = {foreign.pk} WHERE id = {product.pk}; SET CONSTRAINTS ALL IMMEDIATE"  # noqa: S608  # numbers
    )
    refused = pytest.raises(DatabaseError, match="products_category_id_scoped")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statements)


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite makes no DDL inside the test's transaction")
@pytest.mark.parametrize(
    ("operation", "described", "refused"),
    [
        (AppendOnly("devices_event"), "Make devices_event append-only", "UPDATE devices_event SET action = 'forged'"),
        (
            ScopedReference("products", "category_id", "categories"),
            "Keep products.category_id inside its device",
            None,
        ),
    ],
)
def test_guards_can_be_taken_back_and_set_again(db: None, operation: Any, described: str, refused: str | None) -> None:
    assert operation.describe() == described
    factories.make_device()
    state = ProjectState()
    operation.state_forwards("devices", state)
    with connection.schema_editor() as editor:
        operation.database_backwards("devices", editor, state, state)
        if refused:
            editor.execute(refused)
        operation.database_forwards("devices", editor, state, state)
    if refused:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(refused)


class Engine:
    """Stands for a schema editor; notes what it is told to execute."""

    def __init__(self, vendor: str) -> None:
        self.connection, self.vendor, self.executed = self, vendor, list[str]()

    def execute(self, sql: str, params: None = None) -> None:
        self.executed.append(sql)


def test_scoped_references_leave_sqlite_alone() -> None:
    operation, state = ScopedReference("products", "category_id", "categories"), ProjectState()
    for vendor, expected in (("sqlite", 0), ("postgresql", 3)):
        editor = Engine(vendor)
        operation.database_forwards("inventory", editor, state, state)
        operation.database_backwards("inventory", editor, state, state)
        assert len(editor.executed) == expected
