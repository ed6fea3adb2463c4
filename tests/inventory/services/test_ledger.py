"""The proof: level = Σ movements; drift is shown, put into the inbox, and repaired only on demand."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from devices.actors import system
from devices.models import Device, Event
from inventory.models import Case, Job, Product, StockLevel
from inventory.services import ledger
from inventory.services.jobs import request_job
from inventory.services.ledger import prove_ledger, rebuild_levels
from inventory.services.locations import default_location
from inventory.services.products import delete_product
from tests import factories
from tests.factories import TESTER, make_location, make_lot, make_movement, make_product


@pytest.fixture
def product(device: Device) -> Product:
    """10.5 in the default location, 2 on the shelf (1 of them of a lot)."""
    product = make_product(device, name="Nuts [5 kg]")
    shelf = make_location(device, name="Shelf")
    lot = make_lot(device, product_id=product.uuid, code="L1")
    moves: list[dict[str, Any]] = [
        {"quantity": Decimal("13.5")},
        {"kind": "issue", "quantity": Decimal(1)},
        {"kind": "transfer", "from_location_id": default_location(device).uuid, "to_location_id": shelf.uuid},
        {"kind": "transfer", "from_location_id": default_location(device).uuid, "to_location_id": shelf.uuid},
        {"kind": "issue", "from_location_id": shelf.uuid},
        {"kind": "receipt", "to_location_id": shelf.uuid, "lot_id": lot.uuid},
    ]
    for move in moves:
        make_movement(device, product_id=product.uuid, **move)
    return product


def spoil(product: Product, quantity: str = "99") -> StockLevel:
    """Change one level behind the services' back."""
    level = StockLevel.objects.filter(product=product, location__is_default=True).get()
    StockLevel.objects.filter(pk=level.pk).update(quantity=Decimal(quantity))
    return level


def run(command: str, *args: str) -> tuple[str, int]:
    """What a command says and its exit status."""
    out = StringIO()
    try:
        call_command(command, *args, stdout=out)
    except SystemExit as end:
        return out.getvalue(), int(str(end.code))
    return out.getvalue(), 0


def test_levels_that_are_the_sums_are_proven(device: Device, product: Product) -> None:
    proof = prove_ledger(device)
    assert (proof.buckets, proof.drifts) == (3, [])


def test_a_changed_a_missing_and_a_surplus_level_are_found(device: Device, other: Device, product: Product) -> None:
    spoil(product, "99.000001")
    StockLevel.objects.filter(lot__isnull=False).purge()
    stray = make_product(device, name="Stray")
    StockLevel.objects.create(
        device=device, product=stray, location=default_location(device), quantity=Decimal(4), revision=10_000
    )
    make_movement(other)
    found = {(str(d.bucket.product), str(d.bucket.lot), d.level, d.ledger) for d in prove_ledger(device).drifts}
    assert found == {
        ("Nuts [5 kg]", "None", Decimal("99.000001"), Decimal("10.5")),
        ("Nuts [5 kg]", "L1", Decimal(0), Decimal(1)),
        ("Stray", "None", Decimal(4), Decimal(0)),
    }
    assert prove_ledger(other).drifts == []


def test_deleted_products_are_proven_too(device: Device, product: Product) -> None:
    delete_product(product, actor=TESTER)
    assert prove_ledger(device).buckets == 3
    StockLevel.all_objects.filter(product=product, lot__isnull=False).update(quantity=5)
    assert [str(drift) for drift in prove_ledger(device).drifts] == ["Nuts [5 kg] at Shelf, L1: level 5, ledger 1 pcs"]


def test_the_job_opens_a_case_and_repairs_nothing(
    device: Device, other: Device, product: Product, django_capture_on_commit_callbacks: Any
) -> None:
    level = spoil(product)
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="ledger_proof", actor=TESTER)
    job.refresh_from_db()
    assert (job.status, job.result, job.done, job.total) == (
        Job.Status.SUCCEEDED, {"devices": 2, "buckets": 3, "drift": 1}, 2, 2
    )  # fmt: skip
    assert "1 of 3 levels differ" in job.log[0]["text"]
    case = Case.objects.get(kind=Case.Kind.LEDGER_DRIFT)
    assert (case.device, case.key, case.evidence["level"], case.evidence["ledger"]) == (
        device, str(level.uuid), "99", "10.5"
    )  # fmt: skip
    assert case.evidence["product_id"] == str(product.uuid)
    level.refresh_from_db()
    assert level.quantity == 99


def test_a_proof_of_one_device_leaves_the_others_alone(
    device: Device, other: Device, product: Product, django_capture_on_commit_callbacks: Any
) -> None:
    spoil(product)
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="ledger_proof", actor=TESTER, device=other)
    job.refresh_from_db()
    assert job.result == {"devices": 1, "buckets": 0, "drift": 0}
    assert not Case.objects.exists()


def test_a_proof_goes_on_where_its_dead_worker_stopped(
    device: Device, other: Device, product: Product, django_capture_on_commit_callbacks: Any
) -> None:
    spoil(product)
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="ledger_proof", actor=TESTER)
        Job.objects.update(done=1, result={"devices": 1, "buckets": 3, "drift": 1})
    job.refresh_from_db()
    assert job.result == {"devices": 2, "buckets": 3, "drift": 1}
    assert not Case.objects.exists()  # the first device's was opened by the first attempt


def test_many_drifts_do_not_flood_the_inbox(device: Device, product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "CASES", 2)
    StockLevel.objects.update(quantity=77)
    ledger.open_drift_cases(prove_ledger(device), actor=TESTER)
    cases = Case.objects.filter(kind=Case.Kind.LEDGER_DRIFT).order_by("id")
    assert cases.count() == 3
    assert (cases[2].key, cases[2].evidence) == ("more", {"more": 1})


def test_a_dry_run_writes_nothing(device: Device, product: Product) -> None:
    level = spoil(product)
    events = Event.objects.count()
    assert [drift.ledger for drift in rebuild_levels(device, actor=TESTER)] == [Decimal("10.5")]
    fresh = StockLevel.objects.get(pk=level.pk)
    assert (fresh.quantity, fresh.revision, Event.objects.count()) == (99, level.revision, events)


def test_rebuilding_sets_the_sums_each_with_a_revision_and_an_event(
    device: Device, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "CHUNK", 1)
    level = spoil(product)
    lost = StockLevel.objects.get(lot__isnull=False)
    StockLevel.objects.filter(pk=lost.pk).purge()
    location = StockLevel.objects.exclude(pk=level.pk).get().location
    twin = StockLevel.objects.create(
        device=device, product=product, location=location, quantity=Decimal(4), revision=10_000, uuid=uuid4()
    )
    assert len(rebuild_levels(device, actor=TESTER, apply=True)) == 3
    assert prove_ledger(device).drifts == []
    fresh = StockLevel.objects.get(pk=level.pk)
    assert fresh.quantity == Decimal("10.5")
    assert fresh.revision > level.revision
    event = Event.objects.about(fresh)[0]
    assert (event.action, event.changes, event.revision) == ("rebuilt", {"quantity": ["99", "10.5"]}, fresh.revision)
    again = StockLevel.objects.get(lot__isnull=False)
    assert (again.uuid, again.quantity) == (lost.uuid, 1)
    twin.refresh_from_db()
    assert twin.quantity == 0
    assert rebuild_levels(device, actor=TESTER, apply=True) == []


def test_a_missing_level_of_a_deleted_product_comes_back_deleted(device: Device, product: Product) -> None:
    delete_product(product, actor=TESTER)
    StockLevel.all_objects.all().purge()
    rebuild_levels(device, actor=TESTER, apply=True)
    assert StockLevel.all_objects.deleted().count() == 3
    assert not StockLevel.objects.exists()


def test_verify_ledger_says_so_and_exits_with_1_on_drift(device: Device, other: Device, product: Product) -> None:
    assert run("verify_ledger") == ("3 levels compared, 0 differ from the ledger.\n", 0)
    spoil(product)
    said, status = run("verify_ledger", "--device", str(device.uuid))
    assert status == 1
    assert "Nuts [5 kg]" in said
    assert "10.5" in said
    assert said.endswith("3 levels compared, 1 differ from the ledger.\n")
    assert run("verify_ledger", "--device", str(other.uuid)) == ("0 levels compared, 0 differ from the ledger.\n", 0)
    assert not Case.objects.exists()


def test_rebuild_levels_is_a_dry_run_unless_told_otherwise(device: Device, other: Device, product: Product) -> None:
    level = spoil(product)
    assert "1 levels would change; --apply writes them." in run("rebuild_levels")[0]
    level.refresh_from_db()
    assert level.quantity == 99
    assert "0 levels rebuilt" in run("rebuild_levels", "--apply", "--device", str(other.uuid))[0]
    assert "1 levels rebuilt" in run("rebuild_levels", "--apply", "--device", str(device.uuid))[0]
    assert run("verify_ledger")[1] == 0
    event = Event.objects.filter(action="rebuilt").get()
    assert event.actor_id == system("rebuild_levels").id


def test_an_unknown_device_is_refused(db: None) -> None:
    for command in ("verify_ledger", "rebuild_levels"):
        with pytest.raises(CommandError, match="There is no device"):
            run(command, "--device", str(uuid4()))


def test_a_proof_is_exact_at_six_decimals(device: Device) -> None:
    product = factories.make_product(device)
    for quantity in ("0.1", "0.2"):
        make_movement(device, product_id=product.uuid, quantity=Decimal(quantity))
    make_movement(device, product_id=product.uuid, kind="issue", quantity=Decimal("0.3"))
    assert prove_ledger(device).drifts == []
    assert StockLevel.objects.get().quantity == 0
