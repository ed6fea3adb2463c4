"""A WatermelonDB client that is being retired drains into quarantine, and staff decide."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from devices.models import Device, Installation, Standing
from devices.services.standing import set_standing
from inventory.models import Case, Location, Product, StockMovement, Task
from inventory.services.products import update_product
from inventory.services.sync.quarantine import accept_quarantine, discard_quarantine
from tests import factories
from tests.inventory.sync.melon import PATH, created, deleted, flags, head, pull, push, push_twice, raw, row, updated


@pytest.fixture
def queued(api: Any, device: Device) -> tuple[int, dict[str, Any], Product]:
    """A client with changes of every sort that goes into retirement before it can push them."""
    product = factories.make_product(device, name="A", notes="old")
    task = factories.make_task(device)
    answer = pull(api)
    fresh = raw(name="B" * 400, reorder_level=1.5, is_active="yes")
    changes = {
        "products": {
            "created": [fresh],
            "updated": [{**row(answer, "products", product.uuid), "name": "Mine"}],
            "deleted": [],
        },
        **created(
            "stock_movements", raw(product_id=fresh["id"], kind="receipt", quantity=2.5, occurred_at=1_772_366_400_000)
        ),
        **deleted("tasks", str(task.uuid)),
        **updated("locations", row(answer, "locations", Location.objects.get().uuid)),
        **created("local_settings", raw(theme="dark")),
    }
    set_standing(device=device, actor=factories.TESTER, standing=Standing.DRAINING)
    return answer["timestamp"], changes, product


def test_nothing_is_pulled_any_more_and_the_library_goes_on_to_push(api: Any, device: Device, queued: Any) -> None:
    last, _, product = queued
    update_product(product, actor=factories.TESTER, changes={"name": "secret"})
    for asked, answered in ((last, last), (None, 1)):
        answer = pull(api, asked)
        assert answer["timestamp"] == answered
        assert all(table == {"created": [], "updated": [], "deleted": []} for table in answer["changes"].values())
    assert api.get("/v1/products").status_code == 403


def test_changes_wait_in_one_case_and_are_accepted(api: Any, device: Device, queued: Any) -> None:
    last, changes, product = queued
    push_twice(api, device, last, changes)
    assert Product.objects.get() == product
    assert Task.objects.exists()
    assert not StockMovement.objects.exists()
    case = Case.objects.get(kind="quarantine")
    assert [(op["op"], op["table"]) for op in case.evidence["ops"]] == [
        ("create", "products"),
        ("update", "products"),
        ("create", "stock_movements"),
        ("delete", "tasks"),
    ]
    assert [flag.evidence["table"] for flag in flags(device)] == ["local_settings"]
    results = accept_quarantine(case, actor=factories.TESTER)
    assert [result.status for result in results] == ["applied"] * 4
    product.refresh_from_db()
    assert (product.name, product.notes) == ("Mine", "old")
    fresh = Product.objects.exclude(pk=product.pk).get()
    assert (fresh.name, fresh.reorder_level) == ("B" * 300, Decimal("1.5"))
    assert StockMovement.objects.get().quantity == Decimal("2.5")
    assert not Task.objects.exists()


def test_an_update_in_quarantine_gives_way_to_what_staff_did_meanwhile(api: Any, device: Device, queued: Any) -> None:
    last, changes, product = queued
    push(api, last, changes)
    update_product(product, actor=factories.TESTER, changes={"name": "Staff"})
    results = accept_quarantine(Case.objects.get(kind="quarantine"), actor=factories.TESTER)
    assert [result.status for result in results] == ["applied", "conflict", "applied", "applied"]
    product.refresh_from_db()
    assert product.name == "Staff"


def test_discarded(api: Any, device: Device, queued: Any) -> None:
    last, changes, product = queued
    push(api, last, changes)
    discard_quarantine(Case.objects.get(kind="quarantine"), actor=factories.TESTER)
    assert Product.objects.get() == product


def test_one_installation_drains_and_the_other_works(api: Any, device: Device, enrolled: Any) -> None:
    last = pull(api)["timestamp"]
    installation = Installation.objects.get()
    set_standing(device=device, actor=factories.TESTER, standing=Standing.DRAINING, installation=installation)
    push(api, last, created("products", raw(name="A")))
    assert not Product.objects.exists()
    set_standing(device=device, actor=factories.TESTER, standing=Standing.REVOKED, installation=installation)
    before = head(device)
    assert push(api, last, created("products", raw(name="A")), status=403)["internal_code"] == "device_revoked"
    assert api.get(PATH).status_code == 403
    assert head(device) == before
