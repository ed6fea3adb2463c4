"""Sync under load and under kill -9: nothing skipped, nothing doubled, nothing that was acknowledged lost."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection as database
from django.utils import timezone

from devices.models import Device, EnrollmentCode
from devices.services.enrollment import create_enrollment_code
from inventory.management.fleet.client import Connection
from inventory.management.fleet.server import WebServer
from tests import factories
from tests.conftest import client_with
from tests.inventory.sync.ops import op
from tests.journeys.servers import PrivatePostgres, fresh_database, stubborn_post, web_server

pytestmark = pytest.mark.slow
WRITERS, READERS, TURNS = 16, 4, 4
DIALLED: list[Connection] = []
Rows = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    """Two web processes on a database of their own, on the engine of the suite."""
    folder = tmp_path_factory.mktemp("web")
    with fresh_database(folder) as url, web_server(folder, 8345, url) as running:
        yield running


@pytest.fixture(autouse=True)
def _hang_up() -> Iterator[None]:
    yield
    while DIALLED:
        DIALLED.pop().close()


def dial(url: str, token: str = "") -> Connection:
    """A connection that is closed after the test."""
    DIALLED.append(Connection(url, token))
    return DIALLED[-1]


def enrol(url: str) -> str:
    """A new device's token."""
    answer = stubborn_post(dial(url), "/v1/devices/register", {"device_id": str(uuid4())})
    return str(answer["device_token"])


class Reader:
    """A replica that pages on and on; it never starts again."""

    def __init__(self, url: str, token: str, limit: int) -> None:
        self.http, self.limit = dial(url, token), limit
        self.rows: Rows = {}
        self.seen: set[tuple[str, str]] = set()
        self.cursor, self.last, self.pages = "", 0, 0

    def read_to_the_end(self) -> None:
        """Until nothing is left for now."""
        while self._page():
            pass

    def _page(self) -> bool:
        status, page = self.http.send("GET", f"/v1/sync/changes?limit={self.limit}&cursor={self.cursor}")
        assert status == 200, page
        self.pages += 1
        ids = [(change["table"], change["id"]) for change in page["changes"]]
        assert len(set(ids)) == len(ids) <= self.limit
        for change in page["changes"]:
            assert self.last < change["revision"] <= page["head"]
            self.last = change["revision"]
            key = (change["table"], change["id"])
            self.seen.add(key)
            if change["deleted"]:
                self.rows.pop(key, None)
            else:
                assert change["data"]["revision"] == change["revision"]
                self.rows[key] = change["data"]
        self.cursor = page["cursor"]
        assert ("counts" in page) is not page["has_more"]
        if not page["has_more"]:
            mine = Counter(table for table, _ in self.rows)
            assert page["counts"] == {table: mine[table] for table in page["counts"]}
        return bool(page["has_more"])


def all_of(*calls: Callable[[], Any]) -> list[Any]:
    """Run side by side, each in a thread; the first exception is raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def write(url: str, token: str, number: int, product: str) -> set[tuple[str, str]]:
    """One writer: pushes, REST creates, edits and deletes. Returns all the rows it made."""
    http, random, made = dial(url, token), Random(number), set()  # noqa: S311  # chance, no secret
    for turn in range(TURNS):
        data = {"product_id": product, "kind": "receipt", "quantity": "1"}
        ops = [op("create", "stock_movements", data), op("create", "tasks", {"title": f"{number}.{turn}"})]
        ops += [op("create", "categories", {"name": f"{number}.{turn}.{index}"}) for index in range(3)]
        ops.append(op("update", "products", {"notes": f"{number}.{turn}"}, id=product))
        ops.append(op("delete", "categories", id=ops[2]["id"]))
        status, answer = http.send("POST", "/v1/sync/push", {"ops": ops})
        assert status == 200, answer
        assert {result["status"] for result in answer["results"]} == {"applied"}
        made |= {(each["table"], each["id"]) for each in ops if each["op"] == "create"}
        status, row = http.send("POST", "/v1/tasks", {"title": "by REST"})
        assert status == 201
        made.add(("tasks", row["id"]))
        if random.random() < 0.5:
            assert http.send("PATCH", f"/v1/tasks/{row['id']}", {"completed": True})[0] == 200
        else:
            assert http.send("DELETE", f"/v1/tasks/{row['id']}")[0] == 204
    return made


def test_sixteen_writers_and_four_readers(server: WebServer) -> None:
    token = enrol(server.url)
    desk = dial(server.url, token)
    product = desk.send("POST", "/v1/products", {"name": "Busy"})[1]["id"]
    readers = [Reader(server.url, token, limit) for limit in (1, 3, 50, 500)]
    assert len(readers) == READERS
    done = threading.Event()

    def read(reader: Reader) -> None:
        while not done.is_set():
            reader.read_to_the_end()

    def write_all() -> list[set[tuple[str, str]]]:
        try:
            return all_of(*[lambda n=n: write(server.url, token, n, product) for n in range(WRITERS)])
        finally:
            done.set()

    made, *_ = all_of(write_all, *[lambda reader=reader: read(reader) for reader in readers])
    rows = set().union(*made)
    assert len(rows) == WRITERS * TURNS * 6
    fresh = Reader(server.url, token, 500)
    fresh.read_to_the_end()
    assert rows <= fresh.seen
    for reader in readers:
        assert reader.pages > 1
        reader.read_to_the_end()
        assert reader.rows == fresh.rows
        assert rows - reader.seen == set()
    (level,) = [row for (table, _), row in fresh.rows.items() if table == "stock_levels"]
    assert level["quantity"] == str(WRITERS * TURNS)


def test_the_same_push_eight_times_at_once(server: WebServer) -> None:
    token = enrol(server.url)
    product = op("create", "products", {"name": "Once"}, sequence=1)
    data = {"product_id": product["id"], "kind": "receipt", "quantity": "0.1"}
    moves = [op("create", "stock_movements", data, sequence=number) for number in range(2, 21)]
    body = {"ops": [product, *moves]}
    together = threading.Barrier(8)

    def push() -> list[str]:
        http = dial(server.url, token)
        together.wait(timeout=30)
        status, answer = http.send("POST", "/v1/sync/push", body)
        assert (status, answer["next_sequence"]) == (200, 21), answer
        return [result["status"] for result in answer["results"]]

    answers = all_of(*[push] * 8)
    assert sorted(answers) == [["applied"] * 20] + [["duplicate"] * 20] * 7
    stock = dial(server.url, token).send("GET", f"/v1/products/{product['id']}/stock")[1]
    assert stock["on_hand"] == "1.9"


class Sender:
    """A client with a numbered queue that pushes until each push is acknowledged, whatever dies meanwhile."""

    def __init__(self, url: str, token: str, product: str, number: int) -> None:
        self.http, self.product, self.random = dial(url, token), product, Random(number)  # noqa: S311  # chance, no secret
        self.pushes: list[list[dict[str, Any]]] = []
        self.moved = Decimal(0)

    def send(self, pushes: int) -> None:
        """Make and push so many batches."""
        for number in range(pushes):
            batch = []
            for _ in range(self.random.randint(1, 12)):
                quantity = Decimal(self.random.randint(1, 999)).scaleb(-3)
                data = {"product_id": self.product, "kind": "receipt", "quantity": str(quantity)}
                batch.append(op("create", "stock_movements", data))
                self.moved += quantity
            batch.append(op("update", "products", {"notes": f"push {number}"}, id=self.product))
            self.pushes.append(batch)
            answer: Any = stubborn_post(self.http, "/v1/sync/push", {"ops": batch})
            assert {result["status"] for result in answer["results"]} <= {"applied", "duplicate"}


def state(http: Connection) -> tuple[Any, Any]:
    """Every row as it is now, and the head."""
    reader = Reader(f"http://127.0.0.1:{http.parts.port}", http.token, 500)
    reader.read_to_the_end()
    return reader.rows, reader.cursor


def suffer(url: str, kills: int, kill_and_restart: Callable[[], None]) -> None:
    """Three devices push while something is killed again and again; then everything is replayed."""
    senders = []
    for number in range(3):
        token = enrol(url)
        product = stubborn_post(dial(url, token), "/v1/products", {"id": str(uuid4()), "name": "Kept"})["id"]
        senders.append(Sender(url, token, str(product), number))
    for _ in range(kills):
        some = threading.Event()

        def work(sender: Sender, some: threading.Event = some) -> None:
            sender.send(1)
            some.set()
            sender.send(3)

        def kill(some: threading.Event = some) -> None:
            assert some.wait(timeout=120)
            kill_and_restart()

        all_of(kill, *[lambda sender=sender: work(sender) for sender in senders])
    for sender in senders:
        before = state(sender.http)
        movements = [id for table, id in before[0] if table == "stock_movements"]
        made = [each["id"] for batch in sender.pushes for each in batch if each["op"] == "create"]
        assert sorted(movements) == sorted(made)
        (level,) = [row for (table, _), row in before[0].items() if table == "stock_levels"]
        assert Decimal(level["quantity"]) == sender.moved
        for batch in sender.pushes:
            answer: Any = stubborn_post(sender.http, "/v1/sync/push", {"ops": batch})
            assert {(result["status"], result["verdict"]) for result in answer["results"]} == {("duplicate", "applied")}
        assert state(sender.http) == before


def test_kill_9_of_the_web_processes(server: WebServer) -> None:
    def kill() -> None:
        server.end(signal.SIGKILL)
        server.start()

    suffer(server.url, 2, kill)


def test_kill_9_of_the_database_server(tmp_path: Any) -> None:
    if database.vendor != "postgresql":
        pytest.skip("SQLite has no server: the kill of the web processes is its case")
    postgres = PrivatePostgres(8346)
    try:
        postgres.start()

        def kill() -> None:
            postgres.kill()
            postgres.start()

        with web_server(tmp_path, 8347, postgres.url) as running:
            suffer(running.url, 2, kill)
    finally:
        postgres.remove()


# --- who waits for whom ---
@pytest.fixture
def impatient(transactional_db: None) -> Iterator[None]:
    """Our own connection gives up after half a second, so that waiting shows."""
    if database.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time by its nature")
    with database.cursor() as cursor:
        cursor.execute("SET lock_timeout = '500ms'")
    yield
    with database.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


@pytest.fixture
def second_connection() -> Iterator[Any]:
    told = database.settings_dict
    address = {"host": told["HOST"], "port": told["PORT"] or 5432, "user": told["USER"], "password": told["PASSWORD"]}
    with psycopg.connect(**address, dbname=told["NAME"]) as held:
        yield held
        held.rollback()


def test_only_writers_of_the_same_device_wait(impatient: None, second_connection: Any) -> None:
    busy, free = factories.enrol(), factories.enrol()
    device = busy.installation.device
    body = {"ops": [op("create", "tasks", {"title": "x"})]}
    old = timezone.now() - timedelta(hours=1)
    presence = busy.installation.presence
    type(presence).objects.filter(pk=presence.pk).update(last_seen_at=old)
    second_connection.execute("UPDATE devices_feed SET head = head + 1 WHERE device_id = %s", [device.pk])

    response = client_with(free.token).post("/v1/sync/push", body)
    assert (response.status_code, response.json()["results"][0]["status"]) == (200, "applied")
    response = client_with(busy.token).post("/v1/sync/push", body)
    assert (response.status_code, response.json()["internal_code"]) == (503, "temporarily_unavailable")
    assert "Retry-After" in response.headers
    # Reads, presence, and rows that merely refer to the device do not wait.
    assert client_with(busy.token).get("/v1/sync/changes").status_code == 200
    presence.refresh_from_db()
    assert presence.last_seen_at > old
    beat = {"queue_depth": 3, "client_time": timezone.now().isoformat()}
    assert client_with(busy.token).post("/v1/devices/me/heartbeat", beat).status_code == 200
    create_enrollment_code(actor=factories.TESTER, device=Device.objects.get(pk=device.pk))
    assert EnrollmentCode.objects.filter(device=device).count() == 1

    second_connection.rollback()
    response = client_with(busy.token).post("/v1/sync/push", body)
    assert response.json()["results"][0]["status"] == "applied"
