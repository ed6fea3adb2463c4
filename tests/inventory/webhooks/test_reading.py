"""Reading: every event once, in the feed's order, whatever is read again; and only what an endpoint wants."""

from __future__ import annotations

from typing import Any

import pytest

from devices.models import Device, Event, Feed
from inventory.models import WebhookDelivery, WebhookEndpoint, WebhookPosition
from inventory.services.webhooks import reading
from inventory.services.webhooks.endpoints import create_webhook, replay_webhook, update_webhook
from inventory.services.webhooks.patterns import wants
from inventory.services.webhooks.reading import devices_behind, read_some
from tests.factories import TESTER, make_case, make_device, make_movement, make_product, make_task, make_webhook


def types(endpoint: WebhookEndpoint) -> list[str]:
    return list(endpoint.deliveries.order_by("id").values_list("event_type", flat=True))


def read_all(endpoint: WebhookEndpoint) -> None:
    while read_some(endpoint):
        pass


def test_what_happened_before_is_not_sent_and_what_comes_is_sent_once(device: Device, other: Device) -> None:
    make_task(device)
    endpoint = make_webhook(device)
    make_task(other)
    assert devices_behind(endpoint) == []
    product = make_product(device)
    make_movement(device, product_id=product.uuid)
    for _ in range(2):
        read_all(endpoint)
        assert types(endpoint) == ["products.created", "stock_movements.created"]
    assert devices_behind(endpoint) == []
    first = endpoint.deliveries.earliest("id")
    assert (first.object_id, first.revision, first.status) == (product.uuid, product.revision, "waiting")


def test_a_position_that_was_lost_doubles_nothing(device: Device) -> None:
    """As when a worker dies in another's middle: the same events are read again."""
    endpoint = make_webhook(device)
    make_task(device)
    WebhookPosition.objects.update(revision=0)
    read_all(endpoint)
    before = list(WebhookDelivery.objects.order_by("id").values_list("id", "uuid"))
    WebhookPosition.objects.update(revision=0)
    read_all(endpoint)
    assert list(WebhookDelivery.objects.order_by("id").values_list("id", "uuid")) == before


def test_a_read_that_fails_moves_nothing(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = make_webhook(device)
    make_task(device)
    before = list(WebhookPosition.objects.values())
    with monkeypatch.context() as broken:
        broken.setattr(WebhookPosition, "save", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            read_some(endpoint)
    assert (list(WebhookPosition.objects.values()), WebhookDelivery.objects.count()) == (before, 0)


def test_it_is_read_in_short_pieces(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK", 2)
    endpoint = make_webhook(device)
    tasks = [make_task(device) for _ in range(7)]
    rounds = 0
    while read_some(endpoint):
        rounds += 1
    assert rounds == 4
    assert list(endpoint.deliveries.order_by("id").values_list("object_id", flat=True)) == [t.uuid for t in tasks]


def test_an_endpoint_of_every_device(device: Device, other: Device, django_assert_num_queries: Any) -> None:
    endpoint = create_webhook(device=None, actor=TESTER, url="https://hooks.example/", events=["tasks.*"])
    assert endpoint.revision == 1
    newcomer = make_device()
    for owner in (device, other, newcomer):
        make_task(owner)
    read_all(endpoint)
    assert types(endpoint) == ["tasks.created"] * 3
    assert set(endpoint.deliveries.values_list("device", flat=True)) == {device.pk, other.pk, newcomer.pk}
    with django_assert_num_queries(1):
        assert not read_some(endpoint)


def test_a_device_that_comes_later_is_read_from_its_beginning(db: None) -> None:
    endpoint = create_webhook(device=None, actor=TESTER, url="https://hooks.example/", events=["devices.*"])
    make_device()
    read_all(endpoint)
    assert types(endpoint) == ["devices.registered", "devices.installation_added"]


def test_what_endpoints_are_is_nobody_elses_business(device: Device) -> None:
    spy = make_webhook(device)
    update_webhook(make_webhook(device, url="https://secret.example/T0K3N"), actor=TESTER, changes={"enabled": False})
    read_all(spy)
    assert types(spy) == []
    assert Event.objects.filter(table="webhook_endpoints").count() == 3


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["*"], True),
        (["*.*"], True),
        (["cases.*"], True),
        (["cases.opened"], True),
        (["*.opened"], True),
        (["tasks.*", "cases.opened"], True),
        (["cases.resolved"], False),
        (["case.*"], False),
        (["tasks.*"], False),
        (["*.created"], False),
    ],
)
def test_patterns(device: Device, patterns: list[str], found: bool) -> None:
    make_case(device)
    event = Event.objects.get(table="cases")
    assert wants(event, patterns=patterns, conditions={}) is found


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"kind": "receipt"}, True),
        ({"kind": ["issue", "receipt"]}, True),
        ({"kind": ["issue"]}, False),
        ({"kind": "receipt", "quantity": "1"}, True),
        ({"kind": "receipt", "quantity": "2"}, False),
        ({"colour": "red"}, False),
        ({"colour": None}, False),  # not set is not set to nothing
    ],
)
def test_conditions(device: Device, conditions: dict[str, Any], found: bool) -> None:
    make_movement(device)
    event = Event.objects.get(table="stock_movements")
    assert wants(event, patterns=["*"], conditions=conditions) is found


def test_a_replay_delivers_again_under_the_same_ids(device: Device) -> None:
    endpoint = make_webhook(device, events=["tasks.*"])
    tasks = [make_task(device) for _ in range(3)]
    read_all(endpoint)
    before = list(endpoint.deliveries.order_by("id").values_list("uuid", flat=True))
    endpoint.deliveries.update(status="delivered", attempts=4)
    replay_webhook(endpoint, actor=TESTER, device=device, revision=tasks[1].revision)
    read_all(endpoint)
    again = list(endpoint.deliveries.order_by("id").values_list("uuid", "status", "attempts"))
    assert again == [(before[0], "delivered", 4), (before[1], "waiting", 0), (before[2], "waiting", 0)]


def test_a_replay_reaches_back_before_the_endpoint_and_may_skip(device: Device) -> None:
    old = make_task(device)
    endpoint = make_webhook(device, events=["tasks.*"])
    make_task(device)
    head = Feed.objects.get(device=device).head
    replay_webhook(endpoint, actor=TESTER, device=device, revision=head + 1)
    read_all(endpoint)
    assert types(endpoint) == []
    replay_webhook(endpoint, actor=TESTER, device=device, revision=1)
    read_all(endpoint)
    assert endpoint.deliveries.earliest("id").object_id == old.uuid
    assert len(types(endpoint)) == 2


def test_everything_says_what_it_is(device: Device) -> None:
    endpoint = make_webhook(device, description="ERP", events=["tasks.*"])
    make_task(device)
    read_all(endpoint)
    said = [str(row) for row in (endpoint, endpoint.run, endpoint.secrets.get(), endpoint.positions.get())]
    assert said == ["ERP", "0 failures", "secret", f"@{Feed.objects.get(device=device).head}"]
    assert str(endpoint.deliveries.get()).startswith("tasks.created ")
    assert str(make_webhook(device, url="https://a.example/")) == "https://a.example/"
