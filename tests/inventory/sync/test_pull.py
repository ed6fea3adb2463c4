"""Pull: cursors, pages, tables, counts (PROTOCOL §3)."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from rest_framework.test import APIClient

from devices.models import Device, DeviceOwnedModel, Feed
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.api.tables import TABLES
from inventory.models import Product
from inventory.services.products import delete_product, restore_product, update_product
from tests import factories
from tests.conftest import client_of, client_with
from tests.inventory.sync.ops import head, op, pull, pull_all, push, stands


def test_every_device_owned_model_is_synced() -> None:
    ours = {model for model in apps.get_models() if issubclass(model, DeviceOwnedModel)}
    assert ours == {table.model for table in TABLES.values()}


def fill(device: Device) -> None:
    """At least one live row and one tombstone, in every table."""
    category = factories.make_category(device)
    product = factories.make_product(device, category_id=category.uuid)
    factories.make_barcode(device, product_id=product.uuid)
    lot = factories.make_lot(device, product_id=product.uuid)
    factories.make_movement(device, product_id=product.uuid, lot_id=lot.uuid)
    factories.make_location(device)
    factories.make_task(device)
    factories.make_labeltemplate(device)
    factories.make_case(device)
    factories.make_alert(device)
    factories.make_entry(device, product_id=product.uuid)
    factories.make_scan_event(device)
    delete_product(factories.make_barcode(device).product, actor=factories.TESTER)


def everything(device: Device) -> dict[tuple[str, str], int]:
    """(table, id) → revision of every row, tombstones included."""
    return {
        (table.name, str(row.uuid)): row.revision
        for table in TABLES.values()
        for row in table.model.all_objects.for_device(device)
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
def test_everything_comes_once_in_revision_order_whatever_the_page(api: APIClient, device: Device, limit: int) -> None:
    fill(device)
    changes, last = pull_all(api, limit=limit)
    revisions = [change["revision"] for change in changes]
    assert revisions == sorted(set(revisions))
    assert {(change["table"], change["id"]): change["revision"] for change in changes} == everything(device)
    assert {change["table"] for change in changes} == set(TABLES)
    assert last["head"] == head(device)
    assert stands(last["cursor"]) == (1, head(device), head(device))


def test_a_page_says_where_it_stands(api: APIClient, device: Device) -> None:
    fill(device)
    first = pull(api, limit=2)
    assert len(first["changes"]) == 2
    assert first["has_more"] is True
    assert stands(first["cursor"]) == (1, first["changes"][-1]["revision"], head(device))
    assert "counts" not in first
    assert first["server_time"].endswith("Z")


def test_a_page_that_just_fits_is_the_last(api: APIClient, device: Device) -> None:
    fill(device)
    page = pull(api, limit=len(everything(device)))
    assert page["has_more"] is False
    assert len(page["changes"]) == len(everything(device))


def test_a_row_and_a_tombstone(api: APIClient, device: Device) -> None:
    _, page = pull_all(api)
    alive, dead = factories.make_product(device, name="Alive"), factories.make_product(device)
    delete_product(dead, actor=factories.TESTER)
    first, second = pull(api, page["cursor"])["changes"]
    shown = api.get(f"/v1/products/{alive.uuid}").json()
    assert first == {
        "table": "products",
        "id": str(alive.uuid),
        "revision": alive.revision,
        "deleted": False,
        "data": shown,
    }
    assert second == {
        "table": "products",
        "id": str(dead.uuid),
        "revision": Product.all_objects.get(pk=dead.pk).revision,
        "deleted": True,
        "data": None,
    }


def test_nothing_new_is_an_empty_page_with_the_same_cursor(api: APIClient) -> None:
    _, page = pull_all(api)
    again = pull(api, page["cursor"])
    assert (again["changes"], again["has_more"], again["cursor"]) == ([], False, page["cursor"])


def test_an_empty_cursor_is_none(api: APIClient, device: Device) -> None:
    assert api.get("/v1/sync/changes?cursor=").json()["changes"] == pull(api)["changes"]


def test_a_row_that_changes_while_paging_comes_again_and_no_other_is_skipped(api: APIClient, device: Device) -> None:
    first, second, third = (factories.make_product(device) for _ in range(3))
    page = pull(api, limit=1, tables="products")
    assert [change["id"] for change in page["changes"]] == [str(first.uuid)]
    update_product(first, actor=factories.TESTER, changes={"name": "Once more"})
    rest, last = pull_all(api, page["cursor"], limit=1, tables="products")
    assert [change["id"] for change in rest] == [str(row.uuid) for row in (second, third, first)]
    assert rest[-1]["data"]["name"] == "Once more"
    assert last["head"] == head(device)


def test_a_restored_row_comes_as_alive(api: APIClient, device: Device) -> None:
    product = factories.make_product(device)
    gone = delete_product(product, actor=factories.TESTER)
    _, page = pull_all(api)
    restore_product(gone, actor=factories.TESTER)
    (change,) = pull(api, page["cursor"])["changes"]
    assert (change["id"], change["deleted"]) == (str(product.uuid), False)


def test_what_was_changed_by_others_comes_through_the_same_feed(api: APIClient, device: Device, user: Any) -> None:
    product = factories.make_product(device)
    _, page = pull_all(api)
    Device.objects.filter(pk=device.pk).update(owner=user)
    person = client_of(user, device)
    assert person.patch(f"/v1/products/{product.uuid}", {"name": "By hand"}).status_code == 200
    (change,) = pull(api, page["cursor"])["changes"]
    assert change["data"]["name"] == "By hand"
    assert pull(person, page["cursor"])["changes"] == [change]


# --- cursors ---
@pytest.mark.parametrize(
    "cursor",
    ["x", "1", "1.1.1", "1.1.1.1.1", "2.1.1.1", "1.-1.1.1", "1.1.1.x", "1.1.1.1 ", "1.1.1.1\n", "1.1.1." + "9" * 19],
)
def test_a_cursor_that_cannot_be_read(api: APIClient, cursor: str) -> None:
    response = api.get("/v1/sync/changes", {"cursor": cursor})
    assert response.status_code == 400
    assert response.json()["internal_code"] == "sync_bad_cursor"


@pytest.mark.parametrize(
    ("cursor", "reason"),
    [
        ("1.2.{head}.{head}", "epoch"),
        ("1.0.{head}.{head}", "epoch"),
        ("1.1.{above}.{head}", "ahead"),
        ("1.1.{head}.{above}", "ahead"),
        ("1.1.{head}.{below}", "expired"),
        ("1.1.0.0", "expired"),
    ],
)
def test_a_cursor_that_is_of_no_use_any_more(api: APIClient, device: Device, cursor: str, reason: str) -> None:
    fill(device)
    now = head(device)
    Feed.objects.filter(pk=device.pk).update(floor=now - 1)
    response = api.get("/v1/sync/changes", {"cursor": cursor.format(head=now, above=now + 1, below=now - 2)})
    assert response.status_code == 410
    body = response.json()
    assert (body["internal_code"], body["reason"]) == ("sync_resync_required", reason)


def test_a_cursor_at_the_floor_is_good_and_without_one_the_floor_does_not_matter(
    api: APIClient, device: Device
) -> None:
    fill(device)
    now = head(device)
    Feed.objects.filter(pk=device.pk).update(floor=now)
    assert pull(api, f"1.1.{now}.{now}")["changes"] == []
    page = pull(api, limit=1)
    rest, _ = pull_all(api, page["cursor"], limit=1)
    assert len(rest) + 1 == len(everything(device))


def test_a_full_pull_under_way_ends_when_the_floor_passes_its_start(api: APIClient, device: Device) -> None:
    fill(device)
    page = pull(api, limit=1)
    factories.make_product(device)
    Feed.objects.filter(pk=device.pk).update(floor=head(device))
    response = api.get("/v1/sync/changes", {"cursor": page["cursor"]})
    assert (response.status_code, response.json()["reason"]) == (410, "expired")


@pytest.mark.parametrize("path", ["changes", "since"])
def test_another_devices_cursor_is_no_position(api: APIClient, device: Device, path: str) -> None:
    """Also where its numbers would fit; and it shows nothing of either device."""
    stranger = factories.enrol()
    theirs = client_with(stranger.token)
    fill(device)
    fill(stranger.installation.device)
    cursors = [pull(theirs, limit=3)["cursor"], pull_all(theirs)[1]["cursor"]]
    assert stands(cursors[1])[1] <= head(device)
    for cursor in cursors:
        response = api.get(f"/v1/sync/{path}", {"cursor": cursor})
        body = response.json()
        assert (response.status_code, body["internal_code"], body["reason"]) == (410, "sync_resync_required", "epoch")
        assert "changes" not in body
        pull(theirs, cursor)
    mine = pull_all(api)[1]["cursor"]
    assert theirs.get(f"/v1/sync/{path}", {"cursor": mine}).status_code == 410


def test_a_cursor_of_the_device_serves_all_its_installations_and_its_owner(
    api: APIClient, device: Device, user: Any, other: Device
) -> None:
    Device.objects.filter(pk__in=[device.pk, other.pk]).update(owner=user)
    cursor = pull_all(api)[1]["cursor"]
    _, code = create_enrollment_code(actor=factories.TESTER, device=device)
    sibling = client_with(register_device(Wish(enrollment_code=code)).token)
    for client in (sibling, client_of(user, device)):
        assert pull(client, cursor)["changes"] == []
    response = client_of(user, other).get("/v1/sync/changes", {"cursor": cursor})
    assert (response.status_code, response.json()["reason"]) == (410, "epoch")


def test_marks_are_of_one_length_and_differ(api: APIClient, device: Device) -> None:
    epochs = set()
    for _ in range(20):
        _, epoch, *_ = pull(client_with(factories.enrol().token))["cursor"].split(".")
        assert (len(epoch), epoch[-4:]) == (17, "0001")
        epochs.add(epoch)
    assert len(epochs) == 20


def test_a_cursor_from_before_they_had_a_mark_goes_on(api: APIClient, device: Device) -> None:
    fill(device)
    page = pull(api, f"1.1.2.{head(device)}", limit=1)
    marked = pull(api, limit=1)["cursor"].split(".")[1]
    assert page["cursor"].split(".")[1] == marked
    assert pull_all(api, page["cursor"])[1]["has_more"] is False


# --- parameters ---
@pytest.mark.parametrize("limit", ["0", "501", "-1", "x", "", "1.5", "1e2", "9" * 40])
@pytest.mark.parametrize("path", ["changes", "since"])
def test_a_limit_out_of_bounds_is_refused(api: APIClient, path: str, limit: str) -> None:
    response = api.get(f"/v1/sync/{path}", {"limit": limit})
    assert response.status_code == 400
    assert response.json()["internal_code"] == "bad_page"


def test_the_default_limit_is_200_and_the_most_500(api: APIClient, device: Device) -> None:
    creates = [op("create", "categories", {"name": f"Category {number}"}) for number in range(500)]
    push(api, *creates)
    push(api, op("create", "tasks", {"title": "One more"}))
    assert len(pull(api)["changes"]) == 200
    assert len(pull(api, limit=500)["changes"]) == 500


def test_tables_that_are_asked_for(api: APIClient, device: Device) -> None:
    fill(device)
    changes, page = pull_all(api, tables="tasks, categories", limit=1)
    assert {change["table"] for change in changes} == {"tasks", "categories"}
    assert page["counts"] == {"categories": 1, "tasks": 1}


@pytest.mark.parametrize("tables", ["", "nothing", "products,", "Products", "jobs"])
def test_unknown_tables_are_refused(api: APIClient, tables: str) -> None:
    response = api.get("/v1/sync/changes", {"tables": tables})
    assert response.status_code == 400
    assert response.json()["internal_code"] == "sync_unknown_table"


def test_an_unknown_parameter_is_refused(api: APIClient) -> None:
    assert api.get("/v1/sync/changes", {"since": "1"}).status_code == 400


# --- since ---
def test_since_is_the_same_page_grouped(api: APIClient, device: Device) -> None:
    fill(device)
    flat = pull(api, limit=5)
    grouped = api.get("/v1/sync/since", {"limit": 5}).json()
    assert set(grouped) == {*TABLES, "cursor", "has_more", "head", "server_time"}
    assert sorted((c for name in TABLES for c in grouped[name]), key=lambda c: c["revision"]) == flat["changes"]
    assert (grouped["cursor"], grouped["has_more"]) == (flat["cursor"], True)
    last = api.get("/v1/sync/since", {"limit": 500, "cursor": grouped["cursor"], "tables": "tasks"}).json()
    assert set(last) == {"tasks", "cursor", "has_more", "head", "server_time", "counts"}


# --- who may ---
@pytest.mark.parametrize("path", ["changes", "since"])
def test_without_a_token(client: Any, db: None, path: str) -> None:
    assert client.get(f"/v1/sync/{path}").status_code == 401


def test_a_user_sees_only_their_own_device(user: Any, device: Device, other: Device) -> None:
    Device.objects.filter(pk=device.pk).update(owner=user)
    assert client_of(user, device).get("/v1/sync/changes").status_code == 200
    assert client_of(user, other).get("/v1/sync/changes").status_code == 404
    missing = client_of(user)
    missing.credentials(HTTP_AUTHORIZATION=missing._credentials["HTTP_AUTHORIZATION"], HTTP_X_DEVICE_ID=str(uuid4()))
    assert missing.get("/v1/sync/changes").status_code == 404
