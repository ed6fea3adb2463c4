"""The embedded broker: whole messages, each to one reader, and no worker dies of a bad file."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty

import pytest
from celery import Celery
from kombu import Connection
from kombu.exceptions import OperationalError
from kombu.transport import TRANSPORT_ALIASES

from config import broker

ROOT = Path(__file__).resolve().parents[2]
TOY = """
import os, sys
sys.path.insert(0, {root!r})
from celery import Celery
from config.broker import register_transport
register_transport()
app = Celery("toy", broker=os.environ["TOY_BROKER"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1,
                broker_connection_retry_on_startup=True)

@app.task(name="mark")
def mark(number):
    with open(os.environ["TOY_OUT"], "a") as out:
        out.write(f"{{number}}\\n")
"""
PRODUCE = """
import sys
sys.path.insert(0, sys.argv[1])
from kombu import Connection
from config.broker import register_transport
register_transport()
with Connection(sys.argv[2]) as connection, connection.SimpleQueue("jobs") as queue:
    for number in range(100):
        queue.put(f"{sys.argv[3]}-{number}")
"""
CONSUME = """
import sys
sys.path.insert(0, sys.argv[1])
from kombu import Connection
from config.broker import register_transport
register_transport()
with Connection(sys.argv[2]) as connection, connection.SimpleQueue("jobs") as queue:
    while True:
        message = queue.get(timeout=30)
        message.ack()
        if message.payload == "end":
            break
        print(message.payload)
"""


@pytest.fixture(autouse=True)
def _registered() -> None:
    broker.register_transport()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a 100% #1 folder" / "broker"


@pytest.fixture
def url(folder: Path) -> str:
    return f"countonme://{folder}"


@pytest.fixture
def channel(url: str) -> Iterator[broker.Channel]:
    with Connection(url) as connection:
        yield connection.channel()


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Poll a condition with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def a_message(body: str = "hello", **changes: object) -> dict[str, object]:
    return {
        "body": body,
        "headers": {},
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "properties": {"delivery_tag": body, "delivery_info": {"exchange": "", "routing_key": "jobs"}},
        **changes,
    }


def plant(folder: Path, content: bytes, name: str = f"{0:020d}-first.jobs.msg") -> Path:
    """A file as no well-behaved writer leaves it, before all others in the queue."""
    path = folder / "messages" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def bodies(channel: broker.Channel, queue: str = "jobs") -> list[object]:
    found = []
    while True:
        try:
            found.append(channel._get(queue)["body"])
        except Empty:
            return found


def test_registering_twice_is_harmless_and_a_relative_folder_is_refused() -> None:
    broker.register_transport()
    assert TRANSPORT_ALIASES["countonme"] == "config.broker:Transport"
    with pytest.raises(ValueError, match="absolute"), Connection("countonme://var/broker") as connection:
        connection.connect()


def test_the_path_is_taken_literally_and_folders_are_private(url: str, folder: Path) -> None:
    with Connection(url) as connection, connection.SimpleQueue("jobs") as queue:
        queue.put({"n": 1})
        assert connection.as_uri() == url
        made = [folder, folder / "messages", folder / "exchanges"]
        assert [path.stat().st_mode & 0o777 for path in made] == [0o700] * 3
        assert queue.get(timeout=5).payload == {"n": 1}
    with Connection(url) as connection, connection.SimpleQueue("jobs") as queue:
        message = queue.get(timeout=5)  # the first reader closed without an ack: it is there again
        assert message.payload == {"n": 1}
        message.ack()
    assert not list((folder / "messages").iterdir())


def test_messages_come_in_order_and_queues_do_not_mix(channel: broker.Channel) -> None:
    for number in range(50):
        channel._put("jobs", a_message(str(number)))
    channel._put("more.jobs", a_message("other"))
    channel._put("../jobs", a_message("outside"))
    assert channel._size("jobs") == 50
    assert bodies(channel) == [str(number) for number in range(50)]
    assert bodies(channel, "more.jobs") == ["other"]
    assert bodies(channel, "../jobs") == ["outside"]


def dumped(**changes: object) -> bytes:
    return json.dumps(a_message("a", **changes)).encode()


GARBAGE = {
    "empty": b"",
    "half": dumped()[:40],
    "not text": b"\xff\xfe\x00",
    "list": b"[]",
    "null": b"null",
    "no properties": b"{}",
    "headers": dumped(headers=[1]),
    "tag": dumped(properties={"delivery_tag": [], "delivery_info": {}}),
    "no info": dumped(properties={"delivery_tag": "x"}),
    "base64": dumped(properties={"delivery_tag": "x", "delivery_info": {}, "body_encoding": "base64"}),
    "deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_dropped_and_the_next_message_read(
    channel: broker.Channel, folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = plant(folder, content)
    channel._put("jobs", a_message("good"))
    assert bodies(channel) == ["good"]
    assert not path.exists()
    assert "unreadable message" in caplog.text


def test_a_file_that_vanished_after_the_listing_is_passed_over(channel: broker.Channel, folder: Path) -> None:
    for number in range(3):
        channel._put("jobs", a_message(str(number)))
    assert channel._get("jobs")["body"] == "0"
    min((folder / "messages").iterdir()).unlink()
    assert bodies(channel) == ["2"]


def test_what_cannot_be_read_is_reported_once_and_passed_over(
    channel: broker.Channel, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "messages" / f"{0:020d}-folder.jobs.msg").mkdir(parents=True)
    channel._put("jobs", a_message("good"))
    assert bodies(channel) == ["good"]
    assert bodies(channel) == []
    assert sum("cannot read" in line.message for line in caplog.records) == 1


def test_a_draft_is_invisible_and_cleared_when_old(url: str, channel: broker.Channel, folder: Path) -> None:
    fresh = plant(folder, b"{", ".writing.msg")
    stale = plant(folder, b"{", ".died.msg")
    hour_ago = time.time() - 3600
    os.utime(stale, (hour_ago, hour_ago))
    assert bodies(channel) == []
    with Connection(url) as connection:
        connection.connect()
    assert (fresh.exists(), stale.exists()) == (True, False)


def test_a_removed_folder_comes_back(channel: broker.Channel, folder: Path) -> None:
    channel._put("jobs", a_message("lost"))
    (folder / "messages").rename(folder / "away")
    assert bodies(channel) == []
    channel._put("jobs", a_message("kept"))
    assert bodies(channel) == ["kept"]


def test_a_full_or_broken_disk_is_an_operational_error(url: str, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "messages").write_text("in the way")
    app = Celery("broken", broker=url, set_as_current=False)
    with pytest.raises(OperationalError, match="cannot write"):
        app.send_task("mark", retry=False)


def test_purge_empties_one_queue(channel: broker.Channel) -> None:
    channel._put("jobs", a_message())
    channel._put("other", a_message("stays"))
    assert channel.queue_purge("jobs") == 1
    assert bodies(channel) == []
    assert bodies(channel, "other") == ["stays"]


def test_broadcasts_reach_every_mailbox_of_this_broker_only(url: str, tmp_path: Path) -> None:
    with Connection(url) as here, Connection(f"countonme://{tmp_path / 'other'}") as there:
        for connection, names in ((here, ("one", "two")), (there, ("three",))):
            channel = connection.channel()
            channel.exchange_declare("all", "fanout")
            for name in names:
                channel.queue_declare(name)
                channel.queue_bind(name, "all")
        channel = here.channel()
        channel.exchange_declare("all", "fanout")
        channel.basic_publish(channel.prepare_message("hi"), "all", "")
        assert [channel._size(name) for name in ("one", "two")] == [1, 1]
        assert there.channel()._size("three") == 0
        channel.queue_declare("one")
        channel.queue_bind("one", "all")
        channel.queue_delete("one")
        assert [row.queue for row in channel.get_table("all")] == ["two"]


def test_an_unreadable_binding_is_ignored(url: str, folder: Path, channel: broker.Channel) -> None:
    channel._queue_bind("all", "", "", "one")
    (folder / "exchanges" / "all.exchange" / "x.two.msg").write_bytes(b"[1")
    assert [row.queue for row in channel.get_table("all")] == ["one"]


def test_a_worker_does_not_obey_what_was_broadcast_while_it_was_away(channel: broker.Channel) -> None:
    channel._put("w@host.celery.pidbox", a_message("shutdown"))
    channel.queue_declare("w@host.celery.pidbox", auto_delete=True)
    assert bodies(channel, "w@host.celery.pidbox") == []
    channel._put("1.reply.celery.pidbox", a_message("pong"))
    channel.queue_declare("1.reply.celery.pidbox", auto_delete=True)
    assert bodies(channel, "1.reply.celery.pidbox") == ["pong"]


def test_a_mailbox_nobody_empties_is_cleared_with_its_binding(channel: broker.Channel, folder: Path) -> None:
    hour_ago = time.time() - 3600
    for queue in ("dead@host.celery.pidbox", "live@host.celery.pidbox", "1.reply.celery.pidbox"):
        channel._queue_bind("celery.pidbox", "", "", queue)
    channel._put("dead@host.celery.pidbox", a_message())
    channel._put("jobs", a_message("waits for its worker, however long"))
    old = [*(folder / "messages").iterdir(), *folder.rglob("*.reply.celery.pidbox.msg")]
    for path in old:
        os.utime(path, (hour_ago, hour_ago))
    broker.clear_leftovers(folder)
    assert [row.queue for row in channel.get_table("celery.pidbox")] == ["live@host.celery.pidbox"]
    assert channel._size("dead@host.celery.pidbox") == 0
    assert channel._size("jobs") == 1


@pytest.mark.slow
def test_each_message_goes_to_one_of_several_processes(url: str) -> None:
    def start(script: str, *args: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", script, str(ROOT), url, *args]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    consumers = [start(CONSUME) for _ in range(3)]
    try:
        for producer in [start(PRODUCE, str(number)) for number in range(3)]:
            assert producer.communicate(timeout=30) == ("", None)
        with Connection(url) as connection, connection.SimpleQueue("jobs") as queue:
            for _ in consumers:
                queue.put("end")
        answers = [consumer.communicate(timeout=30)[0].split() for consumer in consumers]
    finally:
        for consumer in consumers:
            consumer.kill()
            consumer.communicate()
    got = [line for lines in answers for line in lines]
    assert len(got) == 300
    assert set(got) == {f"{who}-{number}" for who in range(3) for number in range(100)}


class Worker:
    """A real Celery worker (two processes) on the embedded broker."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.out, self.log = folder, folder / "out", folder / "log"
        (folder / "toy.py").write_text(TOY.format(root=str(ROOT)))
        self.out.touch()
        self.app = Celery("toy", broker=url, set_as_current=False)
        self.env = {**os.environ, "TOY_BROKER": url, "TOY_OUT": str(self.out)}
        self.env.pop("DJANGO_SETTINGS_MODULE", None)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat", "-n", "toy@here"]
        command = [sys.executable, "-m", "celery", "-A", "toy", "worker", *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.env,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def send(self, *numbers: int) -> None:
        for number in numbers:
            self.app.send_task("mark", args=[number], ignore_result=True)

    def done(self) -> list[int]:
        return [int(line) for line in self.out.read_text().split()]


@pytest.fixture
def worker(tmp_path: Path, url: str) -> Iterator[Worker]:
    worker = Worker(tmp_path / "toy", url)
    yield worker
    if worker.process:
        # The group: Celery's own processes can outlive a killed main one, waiting for a lock it held.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, signal.SIGKILL)
        worker.process.wait()


@pytest.mark.slow
def test_a_worker_does_200_jobs_once_each_and_survives_garbage(worker: Worker, folder: Path) -> None:
    worker.start()
    worker.send(*range(100))
    for number, content in enumerate(GARBAGE.values()):
        plant(folder, content, f"{number:020d}-x.celery.msg")
    plant(folder, dumped(headers={"task": 7, "id": None}), f"{99:020d}-x.celery.msg")
    worker.send(*range(100, 200))
    until(lambda: len(worker.done()) >= 200)
    assert sorted(worker.done()) == list(range(200))
    assert sum(abs(place - number) for place, number in enumerate(worker.done())) / 200 < 10  # roughly FIFO
    assert worker.app.control.ping(timeout=5, destination=["toy@here"]) == [{"toy@here": {"ok": "pong"}}]
    assert worker.process is not None
    assert worker.process.poll() is None
    assert worker.stop() == 0
    assert len(worker.done()) == 200


@pytest.mark.slow
def test_what_waited_is_done_after_the_next_start(worker: Worker, folder: Path) -> None:
    worker.send(1)
    worker.start()
    until(lambda: worker.done() == [1])
    assert worker.stop() == 0
    worker.send(2, 3)
    assert len(list((folder / "messages").iterdir())) == 2
    worker.start()
    until(lambda: len(worker.done()) == 3)
    assert sorted(worker.done()) == [1, 2, 3]


@pytest.mark.slow
def test_a_worker_whose_pool_is_killed_goes_on(worker: Worker) -> None:
    worker.start()
    assert worker.process is not None
    children = Path(f"/proc/{worker.process.pid}/task/{worker.process.pid}/children")
    if not children.exists():
        pytest.skip("no /proc here: cannot find the pool's processes")
    for pid in children.read_text().split():
        os.kill(int(pid), signal.SIGKILL)
    worker.send(1)
    until(lambda: worker.done() == [1])
