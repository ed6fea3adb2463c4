"""Past the horizon: what goes, what stays, and what clients are told."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from devices.models import Feed, Operation
from inventory.models import Barcode, Category, Product, StockMovement
from inventory.services.categories import delete_category
from inventory.services.products import delete_product
from inventory.services.retention import purge_synced
from inventory.services.sync.horizon import purge_horizon
from tests import factories


def later():
    return timezone.now() + timedelta(days=1)


def purge_all(device, before=None):
    rounds = []
    while removed := purge_horizon(device=device, before=before or later(), limit=2):
        rounds.append(removed)
    return rounds


def test_tombstones_go_children_first_and_the_floor_follows(device, api):
    product = factories.make_product(device)
    factories.make_barcode(device, product_id=product.uuid)
    parent = factories.make_category(device)
    child = factories.make_category(device, parent_id=parent.uuid)
    cursor = api.get("/v1/sync/changes").json()["cursor"]
    delete_product(product, actor=factories.TESTER)
    delete_category(child, actor=factories.TESTER)
    delete_category(parent, actor=factories.TESTER)
    top = max(row.revision for row in Category.all_objects.deleted())

    assert sum(purge_all(device)) == 4
    assert not Product.all_objects.deleted().exists()
    assert not Barcode.all_objects.exists()
    assert Feed.objects.get(pk=device.pk).floor == top
    gone = api.get("/v1/sync/changes", {"cursor": cursor})
    assert gone.status_code == 410
    assert (gone.json()["internal_code"], gone.json()["reason"]) == ("sync_resync_required", "expired")
    assert api.get("/v1/sync/changes").status_code == 200


def test_what_the_ledger_refers_to_stays(device):
    movement = factories.make_movement(device)
    delete_product(movement.product, actor=factories.TESTER)
    assert purge_all(device) == []
    assert Product.all_objects.get(pk=movement.product.pk).is_deleted
    assert StockMovement.objects.count() == 1
    assert Feed.objects.get(pk=device.pk).floor == 0


def test_what_is_young_or_alive_stays(device):
    product = factories.make_product(device)
    delete_product(product, actor=factories.TESTER)
    factories.make_product(device)
    assert purge_synced(device) == 0
    assert Product.all_objects.count() == 2


def test_verdicts_go_and_replays_stay_harmless(device, api):
    ops = [
        {"op_id": str(uuid4()), "op": "create", "table": "tasks", "id": str(uuid4()), "data": {"title": f"t{n}"}}
        for n in range(5)
    ]
    api.post("/v1/sync/push", {"ops": ops})
    assert Operation.objects.count() == 5
    with pytest.raises(DatabaseError), transaction.atomic():
        Operation.objects.all().delete()
    purge_all(device)
    assert Operation.objects.count() == 0
    answer = api.post("/v1/sync/push", {"ops": ops}).json()
    assert [result["status"] for result in answer["results"]] == ["duplicate"] * 5


def test_another_device_is_left_alone(device, other):
    product = factories.make_product(other)
    delete_product(product, actor=factories.TESTER)
    assert purge_all(device) == []
    assert Product.all_objects.count() == 1


def test_a_new_epoch_ends_every_cursor(device, other, api, capsys):
    cursor = api.get("/v1/sync/changes").json()["cursor"]
    call_command("bump_epoch", device=device.uuid)
    assert "1 devices" in capsys.readouterr().out
    gone = api.get("/v1/sync/changes", {"cursor": cursor})
    assert (gone.status_code, gone.json()["reason"]) == (410, "epoch")
    assert Feed.objects.get(pk=other.pk).epoch == 1
    with pytest.raises(CommandError, match="no device"):
        call_command("bump_epoch", device=uuid4())
