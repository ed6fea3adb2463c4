"""The beats that every write of an owned row shares: lock, check, write, record."""

from __future__ import annotations

from uuid import uuid4

import pytest

from config.core.errors import NotFound, ReferenceNotFound
from devices.actors import system
from devices.errors import IdAlreadyUsed, NotDeleted
from devices.models import Device, Event, Feed
from devices.services.owned import change_many_owned, find_reference, insert_many_owned
from inventory.models import Barcode, Category, Product
from inventory.services.barcodes import delete_barcode
from inventory.services.categories import delete_category
from inventory.services.products import create_product, delete_product, restore_product, update_product
from tests import factories


def heads(device: Device) -> tuple[int, int]:
    return Feed.objects.get(device=device).head, Event.objects.for_device(device).count()


def test_a_stale_row_is_never_brought_back(device: Device) -> None:
    product = factories.make_product(device)
    delete_product(product, actor=factories.TESTER)
    before = heads(device)
    stale = Product.all_objects.get(pk=product.pk)
    stale.deleted_at = None
    with pytest.raises(NotFound):
        update_product(stale, actor=factories.TESTER, changes={"name": "Back"})
    with pytest.raises(NotFound):
        delete_product(stale, actor=factories.TESTER)
    assert Product.all_objects.get(pk=product.pk).is_deleted
    restore_product(stale, actor=factories.TESTER)
    with pytest.raises(NotDeleted):
        restore_product(stale, actor=factories.TESTER)
    assert heads(device)[1] == before[1] + 1


def test_children_go_and_come_with_their_own_revisions(device: Device) -> None:
    product = factories.make_product(device)
    codes = [factories.make_barcode(device, product_id=product.uuid) for _ in range(2)]
    earlier = factories.make_barcode(device, product_id=product.uuid)
    delete_barcode(earlier, actor=factories.TESTER)
    gone = delete_product(product, actor=factories.TESTER)
    assert Barcode.objects.count() == 0
    together = Barcode.all_objects.filter(pk__in=[code.pk for code in codes])
    revisions = [gone.revision, *together.values_list("revision", flat=True)]
    assert len(set(revisions)) == 3
    assert Feed.objects.get(device=device).head == max(revisions)
    events = Event.objects.filter(action="deleted", revision__in=revisions).values_list("table", flat=True)
    assert sorted(events) == ["barcodes", "barcodes", "products"]
    restore_product(gone, actor=factories.TESTER)
    assert set(Barcode.objects.values_list("pk", flat=True)) == {code.pk for code in codes}


def test_a_link_is_cut_with_an_event(device: Device) -> None:
    category = factories.make_category(device)
    product = factories.make_product(device, category_id=category.uuid)
    delete_category(category, actor=factories.TESTER)
    product.refresh_from_db()
    assert product.category is None
    event = Event.objects.about(product)[0]
    assert (event.revision, event.changes) == (product.revision, {"category": [str(category.uuid), None]})


@pytest.mark.parametrize("many", [1, 3, 100])
def test_many_rows_at_once(device: Device, many: int) -> None:
    before = heads(device)
    insert_many_owned([], device=device, actor=factories.TESTER)
    assert heads(device) == before
    rows = [Category(device=device, name=f"C{number}") for number in range(many)]
    insert_many_owned(rows, device=device, actor=factories.TESTER)
    stored = list(Category.objects.order_by("revision"))
    assert [row.pk for row in rows] == [row.pk for row in stored]
    assert [row.revision for row in stored] == list(range(before[0] + 1, before[0] + many + 1))
    assert heads(device) == (before[0] + many, before[1] + many)


def test_references_are_looked_up_inside_the_device(device: Device, other: Device) -> None:
    mine, foreign = factories.make_category(device), factories.make_category(other)
    assert find_reference(Category, device=device, id=mine.uuid, field="category_id") == mine
    assert find_reference(Category, device=device, id=None, field="category_id") is None
    refusals = []
    for uuid in (foreign.uuid, uuid4()):
        with pytest.raises(ReferenceNotFound) as refused:
            find_reference(Category, device=device, id=uuid, field="category_id")
        refusals.append((refused.value.detail, refused.value.errors))
    assert refusals[0] == refusals[1]


def test_an_id_is_used_once(device: Device) -> None:
    product = factories.make_product(device)
    delete_product(product, actor=factories.TESTER)
    before = heads(device)
    with pytest.raises(IdAlreadyUsed):  # also a tombstone's: history knows it
        create_product(device=device, actor=factories.TESTER, name="x", id=product.uuid)
    assert heads(device) == before


def test_an_operation_is_named_in_its_events(device: Device) -> None:
    operation = uuid4()
    actor = system("sync").during(operation)
    product = create_product(device=device, actor=actor, name="x")
    assert Event.objects.about(product)[0].operation_id == operation


def test_of_many_rows_those_that_differ_are_changed(device: Device) -> None:
    same, other = factories.make_category(device, name="Same"), factories.make_category(device, name="Other")
    before = heads(device)
    changes = [(same, {"name": "Same"}), (other, {"name": "New"})]
    assert change_many_owned(changes, device=device, actor=factories.TESTER) == 1
    assert change_many_owned(changes, device=device, actor=factories.TESTER) == 0
    assert heads(device) == (before[0] + 1, before[1] + 1)
    assert list(Category.objects.order_by("revision").values_list("name", "revision")) == [
        ("Same", same.revision),
        ("New", before[0] + 1),
    ]
    assert Event.objects.about(other)[0].changes == {"name": ["Other", "New"]}
