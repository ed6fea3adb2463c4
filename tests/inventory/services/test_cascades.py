"""What goes and comes with a product, a category, a location or a lot."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from config.core.errors import NotFound, ReferenceNotFound
from devices.errors import NotDeleted, RevisionMismatch
from devices.models import Device, Event
from devices.services.owned import restamp
from inventory.errors import DefaultLocation, LocationNotEmpty
from inventory.models import Barcode, Category, Location, Lot, Product, StockLevel, Task
from inventory.services.barcodes import delete_barcode, restore_barcode
from inventory.services.categories import delete_category, restore_category
from inventory.services.locations import default_location, delete_location, restore_location
from inventory.services.lots import delete_lot, restore_lot
from inventory.services.movements import reverse_movement
from inventory.services.products import delete_product, restore_product
from inventory.services.tasks import delete_task, restore_task
from tests import factories

BY = factories.TESTER
OWNED = (Barcode, Category, Location, Lot, Product, StockLevel, Task)


def fresh(row: Any) -> Any:
    return type(row).all_objects.get(pk=row.pk)


def alive(*rows: Any) -> list[bool]:
    return [not fresh(row).is_deleted for row in rows]


def touched_since(device: Device, revision: int) -> dict[tuple[str, str], int]:
    """(table, action) → how many; each row with an event of its own at the row's revision, numbered in a row."""
    events = list(Event.objects.for_device(device).filter(revision__gt=revision).order_by("revision"))
    assert [event.revision for event in events] == list(range(revision + 1, revision + 1 + len(events)))
    by_table = {model._meta.db_table: model for model in OWNED}
    found: dict[tuple[str, str], int] = {}
    for event in events:
        row = by_table[event.table].all_objects.get(device=device, uuid=event.object_id)
        assert row.revision == event.revision
        found[event.table, event.action] = found.get((event.table, event.action), 0) + 1
    return found


def head(device: Device) -> int:
    return Device.objects.select_related("feed").get(pk=device.pk).feed.head


def stocked(device: Device) -> dict[str, Any]:
    """A product with a barcode, a lot, and two levels in two places."""
    product = factories.make_product(device)
    lot = factories.make_lot(device, product_id=product.uuid)
    place = factories.make_location(device)
    movement = factories.make_movement(device, product_id=product.uuid, quantity=Decimal(5))
    factories.make_movement(device, product_id=product.uuid, lot_id=lot.uuid, to_location_id=place.uuid)
    return {
        "product": product,
        "barcode": factories.make_barcode(device, product_id=product.uuid),
        "lot": lot,
        "place": place,
        "movement": movement,
        "level": StockLevel.objects.get(product=product, lot=None),
        "lot_level": StockLevel.objects.get(product=product, lot=lot),
    }


def test_a_product_takes_its_barcodes_lots_and_levels_with_it(device: Device) -> None:
    kept, given = stocked(device), stocked(device)
    early = factories.make_barcode(device, product_id=given["product"].uuid)
    delete_barcode(early, actor=BY)
    before = head(device)
    delete_product(given["product"], actor=BY)
    children = [given[name] for name in ("product", "barcode", "lot", "level", "lot_level")]
    assert alive(*children) == [False] * 5
    assert alive(*kept.values()) == [True] * len(kept)
    assert {fresh(child).deleted_at for child in children} == {fresh(given["product"]).deleted_at}
    assert touched_since(device, before) == {
        ("products", "deleted"): 1, ("barcodes", "deleted"): 1, ("lots", "deleted"): 1, ("stock_levels", "deleted"): 2,
    }  # fmt: skip
    assert [fresh(given[name]).quantity for name in ("level", "lot_level")] == [5, 1]  # what it sums to stays

    before = head(device)
    restore_product(given["product"], actor=BY)
    assert alive(*children) == [True] * 5
    assert alive(early) == [False]  # that was deleted by itself
    assert touched_since(device, before) == {
        ("products", "restored"): 1, ("barcodes", "restored"): 1, ("lots", "restored"): 1,
        ("stock_levels", "restored"): 2,
    }  # fmt: skip


def test_a_category_leaves_products_and_subcategories_without_it(device: Device) -> None:
    top = factories.make_category(device)
    middle = factories.make_category(device, parent_id=top.uuid)
    below = factories.make_category(device, parent_id=middle.uuid)
    products = [factories.make_product(device, category_id=middle.uuid) for _ in range(2)]
    tombstone = factories.make_product(device, category_id=middle.uuid)
    delete_product(tombstone, actor=BY)
    before = head(device)
    delete_category(middle, actor=BY)
    assert alive(top, middle, below, *products, tombstone) == [True, False, True, True, True, False]
    assert [fresh(product).category for product in (*products, tombstone)] == [None] * 3
    assert fresh(below).parent is None
    assert touched_since(device, before) == {
        ("products", "updated"): 3, ("categories", "updated"): 1, ("categories", "deleted"): 1,
    }  # fmt: skip
    event = Event.objects.about(products[0]).first()
    assert event.changes == {"category": [str(middle.uuid), None]}
    before = head(device)
    restore_category(middle, actor=BY)
    assert fresh(middle).parent == top
    assert fresh(products[0]).category is None
    assert touched_since(device, before) == {("categories", "restored"): 1}


def test_unlinking_costs_a_constant_number_of_queries(device: Device, django_assert_num_queries: Any) -> None:
    def unlink(count: int) -> Any:
        category = factories.make_category(device)
        for _ in range(count):
            factories.make_product(device, category_id=category.uuid)
        return Product.all_objects.filter(category=category).select_related("category")

    for rows in (unlink(1), unlink(9)):
        with django_assert_num_queries(4):  # read, revisions, one update, one insert of events
            restamp(rows, device=device, actor=BY, action="updated", category=None)


def test_a_location_takes_its_branch_and_unlinks_tasks(device: Device) -> None:
    top = factories.make_location(device)
    below = factories.make_location(device, parent_id=top.uuid)
    lowest = factories.make_location(device, parent_id=below.uuid)
    early = factories.make_location(device, parent_id=top.uuid)
    delete_location(early, actor=BY)
    task = factories.make_task(device, location_id=lowest.uuid)
    moved = factories.make_movement(device, to_location_id=lowest.uuid)
    reverse_movement(moved, actor=BY)  # a level of 0 stays behind
    level = StockLevel.objects.get(location=lowest)
    before = head(device)
    delete_location(top, actor=BY)
    assert alive(top, below, lowest, level, task) == [False, False, False, False, True]
    assert fresh(task).location is None
    assert touched_since(device, before) == {
        ("locations", "deleted"): 3, ("stock_levels", "deleted"): 1, ("tasks", "updated"): 1,
    }  # fmt: skip
    with pytest.raises(ReferenceNotFound):
        restore_location(lowest, actor=BY)  # its parent is still gone
    before = head(device)
    restore_location(top, actor=BY)
    assert alive(top, below, lowest, level) == [True] * 4
    assert alive(early) == [False]
    assert touched_since(device, before) == {("locations", "restored"): 3, ("stock_levels", "restored"): 1}


def test_a_location_with_stock_or_the_default_stays(device: Device) -> None:
    top = factories.make_location(device)
    below = factories.make_location(device, parent_id=top.uuid)
    factories.make_movement(device, to_location_id=below.uuid)
    before = head(device)
    with pytest.raises(LocationNotEmpty):
        delete_location(top, actor=BY)
    with pytest.raises(DefaultLocation):
        delete_location(default_location(device), actor=BY)
    assert alive(top, below, default_location(device)) == [True] * 3
    assert head(device) == before


def test_the_default_location_protects_what_is_above_it(device: Device) -> None:
    from inventory.services.locations import update_location

    top = factories.make_location(device)
    update_location(default_location(device), actor=BY, changes={"parent_id": top.uuid})
    with pytest.raises(DefaultLocation):
        delete_location(top, actor=BY)
    assert alive(top, default_location(device)) == [True, True]


def test_a_lot_takes_its_levels_with_it(device: Device) -> None:
    given = stocked(device)
    before = head(device)
    delete_lot(given["lot"], actor=BY)
    assert alive(given["lot"], given["lot_level"], given["level"]) == [False, False, True]
    assert touched_since(device, before) == {("lots", "deleted"): 1, ("stock_levels", "deleted"): 1}
    restore_lot(given["lot"], actor=BY)
    assert alive(given["lot"], given["lot_level"]) == [True, True]


def test_children_of_a_deleted_product_do_not_come_back_alone(device: Device) -> None:
    given = stocked(device)
    delete_product(given["product"], actor=BY)
    for restore, name in ((restore_lot, "lot"), (restore_barcode, "barcode")):
        with pytest.raises(ReferenceNotFound):
            restore(given[name], actor=BY)
    assert alive(given["lot"], given["barcode"]) == [False, False]


def test_a_level_lives_while_product_location_and_lot_do(device: Device) -> None:
    """Deleted and restored in any order, it comes back with the last of the three."""
    given = stocked(device)
    product, lot, place, level = given["product"], given["lot"], given["place"], given["lot_level"]
    factories.make_movement(device, product_id=product.uuid, lot_id=lot.uuid, kind="issue", from_location_id=place.uuid)
    delete_location(place, actor=BY)
    delete_lot(lot, actor=BY)
    delete_product(product, actor=BY)
    restore_location(place, actor=BY)
    assert alive(level) == [False]
    restore_product(product, actor=BY)
    assert alive(lot, level) == [False, False]
    restore_lot(lot, actor=BY)
    assert alive(lot, level) == [True, True]


def test_a_reversal_into_a_deleted_place_counts_and_shows_when_it_is_back(device: Device) -> None:
    """What is true is stored: the stock is there again, whether the place is shown or not."""
    place = factories.make_location(device)
    came = factories.make_movement(device, to_location_id=place.uuid, quantity=Decimal(3))
    went = factories.make_movement(
        device, product_id=came.product.uuid, kind="issue", from_location_id=place.uuid, quantity=Decimal(3)
    )
    delete_location(place, actor=BY)
    reverse_movement(went, actor=BY)
    level = StockLevel.all_objects.get(location=place)
    assert (level.quantity, level.is_deleted) == (3, True)
    restore_location(place, actor=BY)
    assert alive(level) == [True]


def test_a_first_level_made_while_its_place_is_deleted_comes_back_too(device: Device) -> None:
    from inventory.models import StockMovement
    from inventory.services.movements import record_movements

    place, product = factories.make_location(device), factories.make_product(device)
    delete_location(place, actor=BY)
    late = StockMovement(  # as an import or a sync brings it, with rows read earlier
        device=device, product=product, kind="receipt", quantity=Decimal(2), to_location=place
    )
    record_movements(device=device, actor=BY, movements=[late])
    level = StockLevel.all_objects.get(location=place)
    assert (level.quantity, level.is_deleted) == (2, True)
    restore_location(place, actor=BY)
    assert alive(level) == [True]


@pytest.mark.parametrize(
    ("make", "delete", "restore"),
    [
        (factories.make_product, delete_product, restore_product),
        (factories.make_category, delete_category, restore_category),
        (factories.make_location, delete_location, restore_location),
        (factories.make_lot, delete_lot, restore_lot),
        (factories.make_barcode, delete_barcode, restore_barcode),
        (factories.make_task, delete_task, restore_task),
    ],
)
def test_late_writers_meet_the_row_as_it_is(device: Device, make: Any, delete: Any, restore: Any) -> None:
    row = make(device)
    with pytest.raises(NotDeleted):
        restore(row, actor=BY)
    with pytest.raises(RevisionMismatch):
        delete(row, actor=BY, expected_revision=row.revision - 1)
    delete(row, actor=BY, expected_revision=row.revision)
    with pytest.raises(NotFound):
        delete(row, actor=BY)
    with pytest.raises(RevisionMismatch):
        restore(row, actor=BY, expected_revision=row.revision)
    assert alive(row) == [False]
    restore(row, actor=BY, expected_revision=fresh(row).revision)
    assert alive(row) == [True]
