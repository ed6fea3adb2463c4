"""Reverts: changed rows become what they were; what others need, or have taken, stays and is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.test import APIClient

from devices.models import Device, Event, Feed
from inventory.jobs import runner
from inventory.models import Category, ImportSession, Job, Location, Lot, Product, StockLevel, StockMovement
from inventory.services.categories import delete_category, update_category
from inventory.services.imports import reverts, runs
from tests import factories

ID = "0192f0c4-5d0e-7a51-8a3d-6f1f0c0de009"


def do(api: APIClient, session: ImportSession, what: str) -> dict[str, Any]:
    """Ask for a job, let a worker do it, and read it."""
    answer = api.post(f"/v1/imports/{session.uuid}/{what}")
    assert answer.status_code == 202, answer.json()
    runner.run(answer.json()["id"])
    job: dict[str, Any] = api.get(f"/v1/jobs/{answer.json()['id']}").json()
    return job


def applied(api: APIClient, device: Device, content: str, **values: Any) -> ImportSession:
    """An import that was applied, every line of it."""
    session = factories.make_import(device, upload=factories.make_upload(device, content.encode()), **values)
    assert do(api, session, "dry-run")["status"] == "succeeded"
    job = do(api, session, "apply")
    assert (job["status"], job["result"]["error"], job["result"]["skipped"]) == ("succeeded", 0, 0)
    return session


def outcome(job: dict[str, Any]) -> tuple[str, int, int]:
    return job["status"], job["result"]["undone"], job["result"]["left"]


def told(job: dict[str, Any]) -> list[list[str]]:
    found: list[list[str]] = job["result"]["conflicts"]
    return found


def test_every_sort_of_value_becomes_what_it_was(device: Device, api: APIClient) -> None:
    drinks = factories.make_category(device, name="Drinks")
    tea = factories.make_product(
        device, sku="T", name="Tea", notes="", unit_cost=None, reorder_level="2.5", category_id=drinks.uuid,
        attributes={"brands": "Old"},
    )  # fmt: skip
    lots = [
        factories.make_lot(device, product_id=tea.uuid, code="L1", expires_on="2027-01-31"),
        factories.make_lot(device, product_id=tea.uuid, code="L2", expires_on=None),
    ]
    for row in (tea, *lots):
        row.refresh_from_db()
    fields = ("name", "notes", "unit_cost", "reorder_level", "category_id", "attributes", "is_active")
    goods = applied(
        api, device,
        "sku,name,notes,unit_cost,reorder_level,category,brands,is_active\nT,Green tea,Loose,3,7,Teas,New,false\n",
    )  # fmt: skip
    dates = applied(api, device, "product,code,expires_on\nT,L1,2028-02-29\nT,L2,2028-03-01\n", kind="lots")
    changed = Product.objects.get(sku="T")
    assert all(getattr(changed, name) != getattr(tea, name) for name in fields)
    assert [f"{lot.expires_on}" for lot in Lot.objects.order_by("code")] == ["2028-02-29", "2028-03-01"]

    assert outcome(do(api, dates, "revert")) == ("succeeded", 2, 0)
    assert [lot.expires_on for lot in Lot.objects.order_by("code")] == [lot.expires_on for lot in lots]
    # The category that the import made is still the product's when its turn comes: it goes after the product.
    assert outcome(do(api, goods, "revert")) == ("succeeded", 2, 0)
    restored = Product.objects.get(sku="T")
    assert {name: getattr(restored, name) for name in fields} == {name: getattr(tea, name) for name in fields}
    assert list(Category.objects.all()) == [drinks]
    assert Event.objects.about(restored).latest("revision").changes["category"][1] == str(drinks.uuid)


def test_the_lines_of_a_reverted_import_come_again(device: Device, api: APIClient) -> None:
    content = "product,quantity\nT,3\n"
    for _ in range(3):
        session = applied(api, device, content, kind="stock")
        assert StockLevel.objects.get().quantity == 3
        assert outcome(do(api, session, "revert"))[::2] == ("succeeded", 0)
        assert not StockLevel.objects.exclude(quantity=0).exists()
    applied(api, device, content.replace("3", "4"), kind="stock")  # corrected
    again = applied(api, device, content.replace("3", "4"), kind="stock")  # it is there already
    assert do(api, again, "revert")["result"]["undone"] == 0
    assert StockLevel.objects.get().quantity == 4
    assert StockMovement.objects.count() == 7


def test_a_movement_of_an_own_id_is_not_imported_again_once_it_was_reverted(device: Device, api: APIClient) -> None:
    factories.make_product(device, sku="T")
    content = f"id,product,quantity,kind,occurred_at\n{ID},T,3,receipt,2026-01-01T00:00:00Z\n"
    assert outcome(do(api, applied(api, device, content, kind="movements"), "revert"))[::2] == ("succeeded", 0)
    session = factories.make_import(device, upload=factories.make_upload(device, content.encode()), kind="movements")
    assert do(api, session, "dry-run")["result"]["error"] == 1
    (row,) = api.get(f"/v1/imports/{session.uuid}/rows").json()["results"]
    assert (row["internal_code"], row["column"]) == ("import_reverted", "id")
    assert StockMovement.objects.count() == 2


def test_a_line_that_somebody_reversed_by_hand_is_not_imported_again(device: Device, api: APIClient) -> None:
    content = "product,quantity\nT,3\n"
    applied(api, device, content, kind="stock")
    answer = api.post(f"/v1/stock-movements/{StockMovement.objects.get().uuid}/reverse", {})
    assert answer.status_code == 201
    applied(api, device, content, kind="stock")
    assert StockLevel.objects.get().quantity == 0
    assert StockMovement.objects.count() == 2


def test_a_branch_that_others_use_stays(device: Device, api: APIClient) -> None:
    session = applied(api, device, "path\nKitchen/Cups\nGarden/Pots\nCellar\n", kind="categories")
    rooms = applied(api, device, "path\nHouse/Room\n", kind="locations")
    cups, pots = Category.objects.get(name="Cups"), Category.objects.get(name="Pots")
    room = Location.objects.get(name="Room")
    factories.make_product(device, category_id=cups.uuid)
    below = factories.make_category(device, parent_id=pots.uuid)
    factories.make_location(device, parent_id=room.uuid)
    job = do(api, session, "revert")
    assert outcome(job) == ("succeeded", 1, 4)
    assert {(table, why) for table, _, why in told(job)} == {("categories", reverts.IN_USE)}
    assert set(Category.objects.values_list("name", flat=True)) == {"Kitchen", "Cups", "Garden", "Pots", below.name}
    assert Product.objects.get().category == cups
    job = do(api, rooms, "revert")
    assert outcome(job) == ("succeeded", 0, 2)
    assert Location.objects.filter(name__in=["House", "Room"]).count() == 2


def test_a_sku_that_somebody_took_since_is_not_taken_back(device: Device, api: APIClient) -> None:
    moved = factories.make_product(device, sku="OLD", name="Cup")
    kept = factories.make_product(device, sku="P", name="Pot")
    session = applied(api, device, f"id,sku,name\n{moved.uuid},NEW,Mug\n{kept.uuid},P,Kettle\n")
    heir = factories.make_product(device, sku="OLD", name="Heir")
    job = do(api, session, "revert")
    assert outcome(job) == ("succeeded", 1, 1)
    assert [conflict[:2] for conflict in told(job)] == [["products", str(moved.uuid)]]
    rows = Product.objects.order_by("id").values_list("uuid", "sku", "name")
    assert list(rows) == [(moved.uuid, "NEW", "Mug"), (kept.uuid, "P", "Pot"), (heir.uuid, "OLD", "Heir")]


def test_a_reference_is_not_given_back_to_what_is_deleted_or_below_it(device: Device, api: APIClient) -> None:
    drinks, teas = factories.make_category(device, name="Drinks"), factories.make_category(device, name="Teas")
    tea = factories.make_product(device, sku="T", category_id=drinks.uuid)
    upper = factories.make_category(device, name="Upper")
    lower = factories.make_category(device, name="Lower", parent_id=upper.uuid)
    goods = applied(api, device, f"sku,category_id\nT,{teas.uuid}\n")
    tree = applied(api, device, f"id,name,parent_id\n{lower.uuid},Lower,{teas.uuid}\n", kind="categories")
    delete_category(drinks, actor=factories.TESTER)
    update_category(upper, actor=factories.TESTER, changes={"parent_id": lower.uuid})
    for session, table, row in ((goods, "products", tea), (tree, "categories", lower)):
        job = do(api, session, "revert")
        assert outcome(job) == ("succeeded", 0, 1)
        assert [conflict[:2] for conflict in told(job)] == [[table, str(row.uuid)]]
    assert Product.objects.get().category == teas
    assert Category.objects.get(name="Lower").parent == teas
    assert Category.objects.get(name="Upper").parent == lower


def test_a_database_that_is_busy_is_no_conflict(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_product(device, sku="K", name="Known")
    session = applied(api, device, "sku,name\nK,Renamed\n")
    head = Feed.objects.get(device=device).head

    def busy(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError("database is locked")

    with monkeypatch.context() as patch:
        patch.setattr(reverts, "change_owned", busy)
        job = do(api, session, "revert")
    assert job["status"] == "queued"  # it is tried again
    session.refresh_from_db()
    assert (session.status, Product.objects.get().name) == ("applied", "Renamed")
    assert Feed.objects.get(device=device).head == head
    Job.objects.filter(uuid=job["id"]).update(run_at=session.created_at)
    runner.run(job["id"])
    assert outcome(api.get(f"/v1/jobs/{job['id']}").json()) == ("succeeded", 1, 0)
    assert Product.objects.get().name == "Known"


@pytest.mark.parametrize("lines", [0, 1])
def test_an_apply_that_broke_off_is_undone_as_far_as_it_came(
    device: Device, api: APIClient, monkeypatch: pytest.MonkeyPatch, lines: int
) -> None:
    session = factories.make_import(device, upload=factories.make_upload(device, b"sku,name\nA,Cup\nB,Pot\n"))
    do(api, session, "dry-run")
    work, calls = runs.ImportRun.work, []

    def dying(self: runs.ImportRun, rows: Any) -> Any:
        calls.append(rows)
        if len(calls) > lines:
            raise RuntimeError("the machine is gone")
        return work(self, rows)

    with monkeypatch.context() as patch:
        patch.setattr(runs, "CHUNK", 1)
        patch.setattr(runs.ImportRun, "work", dying)
        assert do(api, session, "apply")["status"] == "failed"
    assert Product.objects.count() == lines
    mine = factories.make_product(device, sku="M")
    assert outcome(do(api, session, "revert")) == ("succeeded", lines, 0)
    session.refresh_from_db()
    assert session.status == "reverted"
    assert session.summary is not None
    assert session.summary["reverted"] == {"undone": lines, "left": 0}
    assert list(Product.objects.all()) == [mine]
