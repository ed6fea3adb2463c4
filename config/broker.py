"""The embedded broker: kombu's filesystem transport made safe for several processes, as countonme:///path."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import time
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any
from urllib.parse import quote

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem, virtual
from kombu.transport.filesystem import exchange_queue_t
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

SCHEME = "countonme"
MESSAGES, EXCHANGES = "messages", "exchanges"
POLL_SECONDS = 0.1  # the stock second makes every job wait; a poll is two short directory listings
BUSY_POLL_SECONDS = 0.01  # after a message more will come, or a full prefetch frees up: 5 x the jobs a second
MOST_AT_ONCE = 100  # messages in one turn of the event loop
SLICE_SECONDS = 0.25  # how long a worker waits without asking whether it shall stop
LEFTOVER_SECONDS = 600.0  # drafts and remote-control letters that old belong to nobody any more


class Channel(filesystem.Channel):
    """One message is one file `<time>-<uuid>.<queue>.msg`; who unlinks it owns it.

    Unlinking is atomic, so two readers never both win, and nothing is left behind by a reader that dies.
    The broker is a doorbell: what a killed worker had claimed is rung again by the sweep of Job rows.
    """

    def __init__(self, connection: Transport, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.root = connection.root
        self._waiting: dict[str, deque[str]] = {}
        self._complained: set[str] = set()

    @property
    def data_folder_in(self) -> Path:
        return self.root / MESSAGES

    data_folder_out = data_folder_in

    @property
    def control_folder(self) -> Path:
        return self.root / EXCHANGES

    # --- Messages -----------------------------------------------------------------------------
    def _put(self, queue: str, payload: dict[str, Any], **kwargs: Any) -> None:  # type: ignore[override]
        # Wall time, because a monotonic clock starts again with the machine and would break the order.
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}{_suffix(queue)}"
        self._write(self.data_folder_in / name, dumps(payload).encode())

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        waiting = self._waiting.get(queue)
        if not waiting:  # one listing serves many messages: a long queue stays cheap to read
            waiting = self._waiting[queue] = deque(sorted(self._names(queue)))
        while waiting:
            payload = self._claim(self.data_folder_in / waiting.popleft())
            if payload is not None:
                return payload
        raise Empty

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _purge(self, queue: str) -> int:
        names = self._names(queue)
        for name in names:
            _remove(self.data_folder_in / name)
        return len(names)

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        # A worker that starts must not obey what was broadcast while it was away (a `shutdown`, say).
        if kwargs.get("auto_delete") and ".reply." not in queue:
            self._purge(queue)

    def _names(self, queue: str) -> list[str]:
        suffix = _suffix(queue)
        return [name for name in _listing(self.data_folder_in) if _rest(name) == suffix]

    def _claim(self, path: Path) -> dict[str, Any] | None:
        """Take the message in `path` for us alone; None if another reader has it or it is garbage."""
        try:
            raw = path.read_bytes()
            path.unlink()
        except FileNotFoundError:
            return None
        except OSError as error:  # a folder, another user's file: not ours to cure, and no reason to die
            if path.name not in self._complained:
                self._complained.add(path.name)
                logger.warning("broker cannot read %s: %s", path, error)
            return None
        try:
            payload = loads(raw)
            self._check(payload)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            logger.warning("broker dropped an unreadable message (%s): %r", path.name, error)
            return None
        return dict(payload)

    def _check(self, payload: dict[str, Any]) -> None:
        """Raise unless a worker can build a message from it; an error later would end the worker."""
        message = self.Message(payload, channel=self)
        if not isinstance(message.headers, dict) or not isinstance(message.delivery_tag, str):
            raise TypeError("headers or delivery_tag")
        if not isinstance(message.properties.get("delivery_info"), dict):
            raise TypeError("delivery_info")

    # --- Exchanges: one file a binding, so nothing is read, changed and written back ------------
    def get_table(self, exchange: str) -> list[exchange_queue_t]:  # type: ignore[override]  # as the stock one
        folder = self._exchange_folder(exchange)
        table = []
        for name in _listing(folder):
            if name.startswith("."):
                continue
            try:
                table.append(exchange_queue_t(*loads((folder / name).read_bytes())))
            except (OSError, ValueError, TypeError):
                logger.warning("broker ignores an unreadable binding: %s", folder / name)
        return table

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str | None, queue: str) -> None:
        binding = exchange_queue_t(routing_key or "", pattern or "", queue or "")
        self._write(self._binding_file(exchange, binding), dumps(list(binding)).encode())

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:
        exchange, routing_key, pattern, *_ = args
        self._purge(queue)
        _remove(self._binding_file(exchange, exchange_queue_t(routing_key or "", pattern or "", queue or "")))

    def _exchange_folder(self, exchange: str) -> Path:
        return self.control_folder / f"{quote(exchange, safe='')}.exchange"

    def _binding_file(self, exchange: str, binding: exchange_queue_t) -> Path:
        mark = hashlib.sha256(dumps(list(binding)).encode()).hexdigest()[:12]
        return self._exchange_folder(exchange) / f"{mark}{_suffix(binding.queue)}"

    def _write(self, path: Path, content: bytes) -> None:
        """Write a whole file or none: under a hidden name, then renamed."""
        draft = path.with_name(f".{uuid.uuid4().hex}{path.suffix}")  # two may write one binding at once
        try:
            for parent in reversed(path.relative_to(self.root).parents):  # each with the mode, root included
                (self.root / parent).mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(content)
            draft.replace(path)
        except OSError as error:
            raise ChannelError(f"broker cannot write {path}: {error}") from error


class Transport(filesystem.Transport):
    """Routing state belongs to the connection: the stock class-wide state would mix two brokers."""

    Channel = Channel
    can_parse_url = True  # the path is taken as it is: spaces, % and # included
    polling_interval = POLL_SECONDS
    # With an event loop every pool process has a pipe of its own. Without, they share a queue whose lock a process
    # that is killed with -9 may take to its grave: then no other ever gets work again.
    implements = filesystem.Transport.implements.extend(asynchronous=True)

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = virtual.BrokerState()
        self.root = _root(client.hostname)

    def establish_connection(self) -> Any:
        connection = super().establish_connection()
        clear_leftovers(self.root)
        return connection

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Deliver one message or raise TimeoutError; a worker told to stop is not kept waiting."""
        ends = time.monotonic() + (float("inf") if timeout is None else timeout)
        while True:
            left = ends - time.monotonic()
            try:
                super().drain_events(connection, timeout=max(0.0, min(left, SLICE_SECONDS)), **kwargs)
            except TimeoutError:
                self.polling_interval = POLL_SECONDS
                if left <= SLICE_SECONDS or _worker_stops():
                    raise
            else:
                self.polling_interval = BUSY_POLL_SECONDS
                return

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Look for messages from the worker's event loop: often while there are some, else every POLL_SECONDS."""
        quiet_ticks = round(POLL_SECONDS / BUSY_POLL_SECONDS)
        ticks = 0

        def poll() -> None:
            nonlocal ticks
            ticks -= 1
            if ticks <= 0:
                ticks = 1 if self._deliver_ready() else quiet_ticks

        loop.call_repeatedly(BUSY_POLL_SECONDS, poll)

    def _deliver_ready(self) -> bool:
        """Deliver what is there and may be taken, without waiting. Tells whether there was something."""
        cycle: Any = self.cycle
        for count in range(MOST_AT_ONCE):
            try:
                cycle.get(self._deliver, timeout=0)
            except Empty:
                return count > 0
        return True

    def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
        return uri


def register_transport() -> None:
    """Make `countonme:///absolute/folder` a broker URL; may be called again."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"


def clear_leftovers(root: Path) -> None:
    """Remove drafts of dead writers, and mailboxes nobody has emptied, with their bindings."""
    deserted = set()
    for name in _listing(root / MESSAGES):
        letter = name.endswith(".pidbox.msg") and not name.startswith(".")
        if (letter or name.startswith(".")) and _age(root / MESSAGES / name) > LEFTOVER_SECONDS:
            _remove(root / MESSAGES / name)
            if letter:
                deserted.add(_rest(name))
    for folder in _listing(root / EXCHANGES):
        for name in _listing(root / EXCHANGES / folder):
            path = root / EXCHANGES / folder / name
            reply = ".reply." in name  # lives as long as the command that asked
            if _rest(name) in deserted or (reply and _age(path) > LEFTOVER_SECONDS):
                _remove(path)


def _worker_stops() -> bool:
    """Tell whether this process is a worker that was told to stop.

    Celery's blocking loop waits its 2 s up to two times more after TERM; only the transport can cut that.
    """
    status = getattr(sys.modules.get("celery.worker.state"), "should_stop", None)
    return status is not None and status is not False  # 0, the usual status, means stop as well


def _root(url: str) -> Path:
    folder = Path(url.removeprefix(f"{SCHEME}://"))
    if not folder.is_absolute():
        raise ValueError(f"{url!r}: use {SCHEME}:///absolute/folder")
    return folder


def _suffix(queue: str) -> str:
    return f".{quote(queue, safe='@')}.msg"


def _rest(name: str) -> str:
    """Cut off what comes before the first dot; the rest names the queue. A hidden draft matches none."""
    _, dot, rest = name.partition(".")
    return dot + rest


def _listing(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("broker cannot remove %s: %s", path, error)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
