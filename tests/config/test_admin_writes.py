"""What staff change in the admin goes through services: revision, event with the staff as actor, soft delete."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site  # noqa: TID251  # Django's own hook is called
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from devices.admin.history import read_history
from devices.models import Device, Event, User
from inventory.models import Barcode, Category, LabelTemplate, Location, Lot, Product, Task
from tests import factories

ADDED: dict[type[Any], dict[str, Any]] = {
    Category: {"name": "Drinks"},
    Product: {
        "name": "Tea",
        "sku": "T-1",
        "unit": "kg",
        "reorder_level": "2.5",
        "unit_cost": "1.2",
        "is_active": "on",
        "attributes": "{}",
    },
    Barcode: {"value": "4006381333931", "quantity": "6"},
    Location: {"name": "Shelf", "code": "S-1", "kind": "shelf"},
    Lot: {"code": "L-1", "kind": "lot", "expires_on": "2027-01-31"},
    Task: {"title": "Count", "priority": "1", "due_date": "2027-02-01"},
    LabelTemplate: {
        "name": "Shelf",
        "width": "50",
        "height": "25",
        "page_width": "210",
        "page_height": "297",
        "columns": "2",
        "rows": "3",
        "margin_left": "0",
        "margin_top": "0",
        "gap_x": "0",
        "gap_y": "0",
        "symbology": "qr",
        "texts": ["name", "sku"],
    },
}
CHANGED: dict[type[Any], tuple[str, Any, Any]] = {
    Category: ("name", "Hot drinks", "Hot drinks"),
    Product: ("reorder_level", "3.25", Decimal("3.25")),
    Barcode: ("quantity", "12", Decimal(12)),
    Location: ("code", "S-2", "S-2"),
    Lot: ("expires_on", "2027-03-01", date(2027, 3, 1)),
    Task: ("priority", "4", 4),
    LabelTemplate: ("height", "30.5", Decimal("30.5")),
}
MODELS = list(ADDED)
LABELS = [model.__name__ for model in MODELS]


def address(model: type[Any], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def make(model: type[Any], device: Device) -> Any:
    return getattr(factories, f"make_{model._meta.model_name}")(device)


def form_of(boss: Client, row: Any) -> dict[str, Any]:
    """The change form's fields as a browser would send them back."""
    context = boss.get(address(type(row), "change", row.pk)).context
    form = context["adminform"].form
    sent = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in sent.items() if value is not None and value is not False}
    data |= {"opened_revision": context["opened_revision"]}
    for formset in context["inline_admin_formsets"]:
        for field in formset.formset.management_form:
            data[field.html_name] = field.value()
    return data


def last_event(row: Any) -> Event:
    found: Event = Event.objects.about(row)[0]
    return found


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_add(boss: Client, staff: User, device: Device, model: type[Any]) -> None:
    extra = {"product": factories.make_product(device).pk} if model in (Barcode, Lot) else {}
    head = Device.objects.select_related("feed").get(pk=device.pk).feed.head
    response = boss.post(
        address(model, "add"), {"device": device.pk, **ADDED[model], **extra}, headers={"X-Request-ID": "request-0001"}
    )
    assert response.status_code == 302, response.context["errors"]
    row = model.objects.for_device(device).latest("id")
    assert row.revision > head
    event = last_event(row)
    assert (event.action, event.actor_kind, event.actor_id) == ("created", "staff", str(staff.uuid))
    assert event.request_id == "request-0001"


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_change(boss: Client, staff: User, device: Device, model: type[Any]) -> None:
    row = make(model, device)
    name, sent, stored = CHANGED[model]
    response = boss.post(address(model, "change", row.pk), {**form_of(boss, row), name: sent})
    assert response.status_code == 302, response.context["errors"]
    current = model.objects.get(pk=row.pk)
    assert getattr(current, name) == stored
    assert current.revision > row.revision
    event = last_event(current)
    assert (event.action, event.actor_kind, event.actor_id) == ("updated", "staff", str(staff.uuid))
    assert list(event.changes) == [name]


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_saving_an_untouched_form_changes_nothing(boss: Client, device: Device, model: type[Any]) -> None:
    row = make(model, device)
    assert boss.post(address(model, "change", row.pk), form_of(boss, row)).status_code == 302
    assert model.objects.get(pk=row.pk).revision == row.revision
    assert Event.objects.about(row).count() == 1


@pytest.mark.parametrize("model", MODELS, ids=LABELS)
def test_delete_and_restore(boss: Client, staff: User, device: Device, model: type[Any]) -> None:
    row = make(model, device)
    assert boss.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 302
    tombstone = model.all_objects.get(pk=row.pk)
    assert tombstone.is_deleted
    assert tombstone.revision > row.revision
    assert last_event(row).action == "deleted"
    assert row.pk not in _listed(boss, model)
    assert row.pk in _listed(boss, model, deleted="only")
    assert row.pk in _listed(boss, model, deleted="also")

    page = boss.get(address(model, "change", row.pk))
    assert address(model, "do", row.pk, "restore") in page.content.decode()
    assert boss.post(address(model, "change", row.pk), {}).status_code == 403  # a tombstone is not edited

    assert boss.post(address(model, "do", row.pk, "restore"), {"confirmed": "yes"}).status_code == 302
    restored = model.objects.get(pk=row.pk)
    assert restored.revision > tombstone.revision
    event = last_event(row)
    assert (event.action, event.actor_kind, event.actor_id) == ("restored", "staff", str(staff.uuid))


def test_many_are_deleted_and_restored_at_once(boss: Client, device: Device) -> None:
    rows = [factories.make_product(device) for _ in range(3)]
    stays = factories.make_product(device)
    many = {"_selected_action": [row.pk for row in rows], "confirmed": "yes"}
    response = boss.post(address(Product, "changelist"), {**many, "action": "delete_selected"}, follow=True)
    assert "done for 3 products" in response.content.decode()
    assert list(Product.objects.for_device(device)) == [stays]
    asked = f"{address(Product, 'changelist')}?deleted=only"
    boss.post(asked, {**many, "action": "restore"})
    assert Product.objects.for_device(device).count() == 4
    assert {last_event(row).actor_kind for row in rows} == {"staff"}


def test_djangos_own_bulk_hook_deletes_softly_too(boss: Client, device: Device) -> None:
    product = factories.make_product(device)
    request = boss.get(address(Product, "changelist")).wsgi_request
    request.user = User.objects.get(username="boss")
    site._registry[Product].delete_queryset(request, Product.objects.all())
    assert Product.all_objects.get(pk=product.pk).is_deleted


def test_what_is_refused_for_one_row_is_done_for_the_others(boss: Client, device: Device) -> None:
    main = Location.objects.get(device=device, is_default=True)
    empty = factories.make_location(device)
    many = {"_selected_action": [main.pk, empty.pk], "confirmed": "yes", "action": "delete_selected"}
    page = boss.post(address(Location, "changelist"), many, follow=True).content.decode()
    assert "done for 1 location" in page
    assert "A device cannot be without its default location" in page
    assert Location.objects.filter(pk=main.pk).exists()
    assert not Location.objects.filter(pk=empty.pk).exists()


def test_a_refused_delete_says_why(boss: Client, device: Device) -> None:
    main = Location.objects.get(device=device, is_default=True)
    response = boss.post(address(Location, "delete", main.pk), {"post": "yes"}, follow=True)
    assert "A device cannot be without its default location" in response.content.decode()
    assert response.redirect_chain[0][0] == address(Location, "change", main.pk)
    assert Location.objects.get(pk=main.pk).revision == main.revision


def test_a_taken_sku_is_an_error_of_the_form(boss: Client, device: Device) -> None:
    factories.make_product(device, sku="T-1")
    before = Event.objects.count()
    response = boss.post(address(Product, "add"), {"device": device.pk, **ADDED[Product]})
    assert response.status_code == 200
    page = response.content.decode()
    assert "Another product of this device has this SKU" in page
    assert 'value="Tea"' in page  # what was typed is still there
    assert (Product.objects.count(), Event.objects.count()) == (1, before)


@pytest.mark.parametrize(
    ("model", "wrong"),
    [
        (Product, {"reorder_level": "-1"}),
        (Product, {"unit_cost": "-0.5"}),
        (Product, {"attributes": "{"}),
        (Product, {"name": ""}),
        (Product, {"name": "a\x00b"}),
        (Product, {"device": "999999"}),
        (Barcode, {"quantity": "0"}),
        (Task, {"priority": "6"}),
        (Location, {"kind": "moon"}),
        (Lot, {"expires_on": "soon"}),
    ],
)
def test_a_wrong_value_is_an_error_of_its_field(
    boss: Client, device: Device, model: type[Any], wrong: dict[str, str]
) -> None:
    extra = {"product": factories.make_product(device).pk} if model in (Barcode, Lot) else {}
    before = Event.objects.count()
    response = boss.post(address(model, "add"), {"device": device.pk, **ADDED[model], **extra, **wrong})
    assert list(response.context["adminform"].form.errors) == list(wrong)
    assert Event.objects.count() == before


def test_another_devices_row_cannot_be_referred_to(boss: Client, device: Device, other: Device) -> None:
    foreign = factories.make_category(other)
    values = {"device": device.pk, **ADDED[Product], "category": foreign.pk}
    response = boss.post(address(Product, "add"), values)
    assert response.context["adminform"].form.errors["category"] == ["This id does not exist."]
    assert not Product.objects.exists()
    product = factories.make_product(device)
    response = boss.post(
        address(Product, "change", product.pk), {**form_of(boss, product), "category": foreign.pk, "name": "New"}
    )
    assert response.context["adminform"].form.errors["category"] == ["This id does not exist."]
    assert Product.objects.get(pk=product.pk).revision == product.revision


def test_the_device_of_a_row_never_changes(boss: Client, device: Device, other: Device) -> None:
    product = factories.make_product(device)
    sent = {**form_of(boss, product), "name": "New", "device": other.pk, "revision": 1, "is_duplicate": "on"}
    assert boss.post(address(Product, "change", product.pk), sent).status_code == 302
    current = Product.objects.get(pk=product.pk)
    assert (current.name, current.device, current.is_duplicate) == ("New", device, False)


def test_a_stale_form_says_what_happened_and_keeps_what_was_typed(boss: Client, device: Device) -> None:
    product = factories.make_product(device, name="Tea", notes="old")
    opened = form_of(boss, product)
    meanwhile = {**form_of(boss, product), "name": "Green tea"}
    boss.post(address(Product, "change", product.pk), meanwhile)

    response = boss.post(address(Product, "change", product.pk), {**opened, "notes": "mine"})
    assert response.status_code == 200
    page = response.content.decode()
    assert "Somebody changed it while you were editing" in page
    assert "name: Tea → Green tea" in page
    assert response.context["adminform"].form["notes"].value() == "mine"
    current = Product.objects.get(pk=product.pk)
    assert (current.name, current.notes) == ("Green tea", "old")

    again = {**opened, "notes": "mine", "name": "Green tea", "opened_revision": response.context["opened_revision"]}
    assert boss.post(address(Product, "change", product.pk), again).status_code == 302
    current = Product.objects.get(pk=product.pk)
    assert (current.name, current.notes) == ("Green tea", "mine")


@pytest.mark.parametrize("given", ["", "x", "9" * 30, "-1"])
def test_a_form_without_its_revision_is_refused(boss: Client, device: Device, given: str) -> None:
    product = factories.make_product(device)
    response = boss.post(
        address(Product, "change", product.pk), {**form_of(boss, product), "name": "New", "opened_revision": given}
    )
    assert response.status_code == 200
    assert response.context["errors"]
    assert Product.objects.get(pk=product.pk).revision == product.revision


def test_nobody_may_choose_five_hundred_and_one(boss: Client, device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.core.admin.MOST_ROWS", 2)
    rows = [factories.make_product(device) for _ in range(3)]
    many = {"_selected_action": [row.pk for row in rows], "confirmed": "yes", "action": "delete_selected"}
    page = boss.post(address(Product, "changelist"), many, follow=True).content.decode()
    assert "Choose at most 2 at a time" in page
    assert Product.objects.count() == 3


def test_history_shows_events_in_words(boss: Client, device: Device) -> None:
    category = factories.make_category(device, name="Drinks")
    product = factories.make_product(device, name="Tea")
    boss.post(address(Product, "change", product.pk), {**form_of(boss, product), "category": category.pk})
    page = boss.get(address(Product, "history", product.pk))
    entry = page.context["entries"][0]
    assert [(change.field, change.before, change.after) for change in entry.changes] == [("category", "", "Drinks")]
    assert entry.event.actor_kind == "staff"
    assert page.context["entries"][-1].action == "created"
    assert boss.get(address(Product, "history", product.pk), {"p": "2"}).context["entries"] == []


def test_history_names_rows_of_the_same_device_alone(device: Device, other: Device) -> None:
    mine = factories.make_category(device, name="Mine")
    factories.make_category(other, name="Theirs", id=mine.uuid)
    event = last_event(mine)
    event.changes = {"category": [str(mine.uuid), "not an id"], "is_active": [True, ["long" * 100]]}
    entry = read_history(Product, [event])[0]
    told = {change.field: (change.before, change.after) for change in entry.changes}
    assert told["category"] == ("Mine", "not an id")
    assert told["is active"][0] == "yes"
    assert len(told["is active"][1]) == 301


def test_permissions_are_djangos(device: Device) -> None:
    clerk = factories.make_user(username="clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_product"))
    client = Client()
    client.force_login(clerk)
    product = factories.make_product(device)
    assert client.get(address(Product, "changelist")).status_code == 200
    assert client.get(address(Product, "change", product.pk)).status_code == 200
    assert client.post(address(Product, "change", product.pk), {"name": "New"}).status_code == 403
    assert client.get(address(Product, "add")).status_code == 403
    assert client.post(address(Product, "delete", product.pk), {"post": "yes"}).status_code == 403
    assert client.post(address(Product, "do", product.pk, "restore"), {"confirmed": "yes"}).status_code == 403
    client.post(address(Product, "changelist"), {"action": "delete_selected", "_selected_action": [product.pk]})
    assert Product.objects.get(pk=product.pk).revision == product.revision
    titles = {
        item["title"]
        for group in client.get(reverse("admin:index")).context["sidebar_navigation"]
        for item in group["items"]
    }
    assert titles == {"Dashboard", "Products"}


def _listed(boss: Client, model: type[Any], **query: str) -> set[int]:
    return {row.pk for row in boss.get(address(model, "changelist"), query).context["cl"].result_list}
