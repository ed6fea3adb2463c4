"""The client of docs/examples does what docs/sync.md says, against a real server."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from devices.models import Device, Feed
from inventory.models import Product, StockMovement
from inventory.services.products import delete_product, update_product
from tests import factories

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "minimal_client.py"


@pytest.fixture
def client_class():
    spec = importlib.util.spec_from_file_location("minimal_client", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Client


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_day_of_the_minimal_client(live_server, client_class):
    client = client_class(live_server.url, "Phone")
    client.enrol()
    product = client.write("create", "products", {"name": "Oat", "unit": "pcs"})
    client.write("create", "stock_movements", {"product_id": product, "kind": "receipt", "quantity": "5"})
    sent = list(client.queue)
    assert client.sync() == []
    assert client.rows["products"][product]["revision"] > 1
    assert [level["quantity"] for level in client.rows["stock_levels"].values()] == ["5"]

    client.queue = sent  # the answer was lost: the same again
    assert client.sync() == []
    assert StockMovement.objects.count() == 1

    client.write("update", "products", {"name": "Oat milk"}, id=product)
    assert client.sync() == []
    row = Product.objects.get()
    assert row.name == "Oat milk"

    client.write("update", "products", {"name": "Mine"}, id=product)
    device = Device.objects.get()
    delete_product(row, actor=factories.TESTER)
    (verdict,) = client.sync()
    assert verdict["status"] == "conflict"
    assert product not in client.rows["products"]

    Feed.objects.filter(device=device).update(epoch=2)
    client.sync()
    assert client.cursor.split(".")[1].endswith("0002")
    assert len(client.rows["stock_movements"]) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_what_the_minimal_client_could_lose(live_server, client_class):
    client = client_class(live_server.url, "Phone")
    client.enrol()
    # Edits of a row that was never pulled: the server's own "" and "pcs" are no edits of somebody else.
    product = client.write("create", "products", {"name": "Oat"})
    client.write("update", "products", {"notes": "opened", "unit": "l"}, id=product)
    assert client.sync() == []
    assert (client.rows["products"][product]["notes"], client.rows["products"][product]["unit"]) == ("opened", "l")

    # A conflict whose answer was lost is told with the next one.
    client.write("update", "products", {"name": "Mine"}, id=product)
    update_product(Product.objects.get(), actor=factories.TESTER, changes={"name": "Theirs"})
    client.call("POST", "/v1/sync/push", {"ops": client.queue})
    (verdict,) = client.sync()
    assert (verdict["status"], verdict["verdict"], verdict["internal_code"]) == (
        "duplicate",
        "conflict",
        "sync_conflict",
    )
    assert client.rows["products"][product]["name"] == "Theirs"

    # A server that was restored expects a lower number: the queue is renumbered, nothing in it is lost.
    client.sequence += 40
    tasks = [client.write("create", "tasks", {"title": title}) for title in ("One", "Two")]
    assert client.sync() == []
    assert set(client.rows["tasks"]) == set(tasks)
    client.write("delete", "tasks", id=tasks[0])
    assert client.sync() == []
    assert set(client.rows["tasks"]) == {tasks[1]}
