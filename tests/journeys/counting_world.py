"""A warehouse whose shelves are known: clients with clocks of their own, an unreliable network, and the staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import time_machine
from django.core.cache import cache

from devices.actors import Actor
from devices.models import Device, Feed, Installation
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.api.tables import TABLES
from inventory.models import Product, StockMovement
from inventory.services.locations import default_location
from inventory.services.movements import record_movement, reverse_movement
from inventory.services.positions import Position
from inventory.services.sync.ops import read_op
from inventory.services.sync.push import push
from tests import factories

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
BOSS = Actor("staff", "0192f0c4-0000-7000-8000-00000000b055", "Boss")
CLOCK_ERROR = 60  # seconds: the most a corrected clock may be wrong by
ZERO = Decimal(0)


@dataclass(slots=True)
class Client:
    """One installation: its clock, its queue, and what it tells of itself.

    `skew` = its clock minus the true time, `error` = its corrected time minus the true time, in seconds.
    `numbered`: operations have sequences. `basing`: what it tells of what it had pulled: entry, push or none.
    """

    installation: Installation
    actor: Actor
    skew: float
    error: float
    numbered: bool
    basing: str
    queue: list[dict[str, Any]] = field(default_factory=list)
    sent: list[list[dict[str, Any]]] = field(default_factory=list)
    pulled: int = 0
    sequence: int = 1

    def told(self, moment: datetime) -> datetime:
        """What its clock shows at a moment."""
        return moment + timedelta(seconds=self.skew)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a client behaves; drawn by hypothesis."""

    skew: float
    error: float
    numbered: bool
    basing: str


class World:
    """True time, true shelves by product and zone, and what happened when."""

    def __init__(self, setups: Sequence[Setup], *, seed: int) -> None:
        cache.clear()
        self.random = Random(seed)  # noqa: S311  # only for ids; hypothesis decides all else
        self.now = START
        self.traveller = time_machine.travel(self.now, tick=False)
        self.clock = self.traveller.start()
        enrolled = [factories.enrol()]
        self.device: Device = enrolled[0].installation.device
        _, code = create_enrollment_code(actor=BOSS, device=self.device, max_uses=9)
        enrolled += [register_device(Wish(enrollment_code=code)) for _ in setups[1:]]
        self.clients = [
            Client(one.installation, factories.actor(one.installation), s.skew, s.error, s.numbered, s.basing)
            for one, s in zip(enrolled, setups, strict=True)
        ]
        self.place = default_location(self.device)
        self.products: list[Product | UUID] = [factories.make_product(self.device) for _ in range(3)]
        self.shelf: dict[UUID, list[Decimal]] = {self.id_of(n): [ZERO] * len(setups) for n in range(3)}
        self.zones = {self.id_of(0): [0], self.id_of(1): [1 % len(setups)], self.id_of(2): list(range(len(setups)))}
        self.happened: dict[UUID, datetime] = {}  # movement → true time
        self.thefts: list[tuple[datetime, UUID, int, Decimal]] = []
        self.phantoms: list[UUID] = []  # recorded, but it never happened
        self.notes: list[dict[str, Any]] = []  # what staff write down later
        self.slips: list[tuple[Client, dict[str, Any]]] = []  # what a client enters later
        self.add_unknown_product()

    def close(self) -> None:
        self.traveller.stop()

    def new_id(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def id_of(self, number: int) -> UUID:
        found = self.products[number % len(self.products)]
        return found if isinstance(found, UUID) else found.uuid

    def add_unknown_product(self) -> None:
        """The first client makes a product: until it pushes, what the others send of it is refused for a while."""
        id = self.new_id()
        self.products.append(id)
        self.shelf[id] = [ZERO] * len(self.clients)
        self.zones[id] = [1 % len(self.clients)]
        self.enqueue(self.clients[0], "products", {"name": "New"}, id=id)

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.clock.move_to(self.now)

    def total(self, product: UUID) -> Decimal:
        return sum(self.shelf[product], ZERO)

    @property
    def head(self) -> int:
        return Feed.objects.get(pk=self.device.pk).head

    # --- what happens at a shelf ---
    def enqueue(
        self, client: Client, table: str, data: dict[str, Any], *, id: UUID | None = None, op: str = "create"
    ) -> UUID:
        id = id or self.new_id()
        body = {"op_id": str(self.new_id()), "op": op, "table": table, "id": str(id), "data": data}
        if client.numbered:
            body["sequence"] = client.sequence
            client.sequence += 1
        client.queue.append(body)
        return id

    def change(self, who: int, product: UUID, amount: int) -> Decimal:
        """Somebody puts so many on a shelf, or takes them as far as they are there. What really changed."""
        zone, zones = self.shelf[product], self.zones[product]
        here = zones[who % len(zones)]
        real = max(Decimal(amount), -zone[here])
        zone[here] += real
        return real

    def movement(self, product: UUID, real: Decimal, occurred_at: datetime | None) -> dict[str, Any]:
        kind, side = ("receipt", "to_location_id") if real > 0 else ("issue", "from_location_id")
        data = {"product_id": str(product), "kind": kind, "quantity": str(abs(real)), side: str(self.place.uuid)}
        return data if occurred_at is None else {**data, "occurred_at": occurred_at.isoformat()}

    def move(self, who: int, product: UUID, amount: int) -> None:
        """A client moves stock and queues it at once."""
        client = self.clients[who]
        if real := self.change(who, product, amount):
            id = self.enqueue(client, "stock_movements", self.movement(product, real, client.told(self.now)))
            self.happened[id] = self.now

    def slip(self, who: int, product: UUID, amount: int) -> None:
        """A client moves stock and enters it later, with the time when it was."""
        client = self.clients[who]
        if real := self.change(who, product, amount):
            self.slips.append((client, self.movement(product, real, client.told(self.now)) | {"true": self.now}))

    def enter_slips(self) -> None:
        for client, data in self.slips:
            true = data.pop("true")
            self.happened[self.enqueue(client, "stock_movements", data)] = true
        self.slips.clear()

    def phantom(self, who: int, product: UUID, amount: int) -> None:
        """A movement is recorded that never happened."""
        client = self.clients[who]
        data = self.movement(product, Decimal(amount or 1), client.told(self.now))
        id = self.enqueue(client, "stock_movements", data)
        self.happened[id] = self.now
        self.phantoms.append(id)

    def undo_phantoms(self) -> None:
        """Staff reverse what they know of it."""
        for id in list(self.phantoms):
            found = StockMovement.objects.filter(device=self.device, uuid=id).first()
            if found is not None:
                self.happened[reverse_movement(found, actor=BOSS).uuid] = self.happened[id]
                self.phantoms.remove(id)

    def theft(self, who: int, product: UUID, amount: int) -> None:
        """Stock goes or appears and nobody records it: what counting is for."""
        zones = self.zones[product]
        self.thefts.append((self.now, product, zones[who % len(zones)], self.change(who, product, amount)))

    def staff_moves(self, who: int, product: UUID, amount: int) -> None:
        """Staff move stock and record it at once, online."""
        if self.is_known(product) and (real := self.change(who, product, amount)):
            self.record(self.movement(product, real, None), true=self.now)

    def staff_notes(self, who: int, product: UUID, amount: int) -> None:
        """Staff move stock and record it later, with its time by the server's clock."""
        if self.is_known(product) and (real := self.change(who, product, amount)):
            self.notes.append(self.movement(product, real, self.now))

    def record_notes(self) -> None:
        for data in self.notes:
            self.record(data, true=datetime.fromisoformat(data["occurred_at"]))
        self.notes.clear()

    def client_moves_online(self, who: int, product: UUID, amount: int) -> None:
        """A client uses the REST API instead of its queue."""
        client = self.clients[who]
        if self.is_known(product) and (real := self.change(who, product, amount)):
            position = Position(clock_offset_ms=self.offset(client))
            data = self.movement(product, real, None)
            self.record(data, true=self.now, installation=client.installation, position=position)

    def record(self, data: dict[str, Any], *, true: datetime, **who: Any) -> None:
        given = {name: UUID(value) if name.endswith("_id") else value for name, value in data.items()}
        given["quantity"] = Decimal(given["quantity"])
        if "occurred_at" in given:
            given["occurred_at"] = datetime.fromisoformat(given["occurred_at"])
        made = record_movement(device=self.device, actor=BOSS, **given, **who)
        self.happened[made.uuid] = true

    def is_known(self, product: UUID) -> bool:
        return Product.objects.filter(device=self.device, uuid=product).exists()

    # --- the network ---
    def offset(self, client: Client) -> int:
        return round((client.error - client.skew) * 1000)

    def pull(self, who: int) -> None:
        self.clients[who].pulled = self.head

    def push(self, who: int, *, most: int = 500, lost: bool = False) -> None:
        """Send the start of the queue; what may succeed later stays in it. A lost answer leaves all of it there."""
        client = self.clients[who]
        batch = client.queue[:most]
        if not batch:
            return
        pushed = self.deliver(client, batch)
        client.sent.append(batch)
        if not lost:
            again = [op for op, result in zip(batch, pushed.results, strict=True) if result.retryable]
            client.queue = [*again, *client.queue[most:]]

    def deliver(self, client: Client, batch: list[dict[str, Any]]) -> Any:
        base = client.pulled if client.basing in ("entry", "push") else None
        pushed = push(
            device=self.device,
            actor=client.actor,
            tables=TABLES,
            ops=[read_op(body, index) for index, body in enumerate(batch)],
            installation=client.installation,
            position=Position(base_revision=base, clock_offset_ms=self.offset(client)),
        )
        for result in pushed.results:
            assert result.status in ("applied", "duplicate") or result.retryable, result
        return pushed

    def repeat(self, who: int, number: int) -> None:
        """An old push comes once more."""
        client = self.clients[who]
        if client.sent:
            self.deliver(client, client.sent[number % len(client.sent)])

    def flush(self) -> None:
        """Everybody comes online and sends everything."""
        self.enter_slips()
        self.record_notes()
        for _ in range(3):
            for who, client in enumerate(self.clients):
                while client.queue:
                    before = len(client.queue)
                    self.push(who)
                    if len(client.queue) == before:
                        break
        assert not any(client.queue for client in self.clients)
        self.undo_phantoms()
        assert not self.phantoms
