"""A small shop to count in: one product, two installations, a boss; everything goes through the services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from devices.actors import Actor
from devices.models import Device, Feed, Installation
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.api.tables import TABLES
from inventory.models import Case, CountEntry, CountSheet, Product, StockLevel, StockMovement, Stocktake, StocktakeLine
from inventory.services.counting import decisions, entries, sheets, stocktakes
from inventory.services.locations import default_location
from inventory.services.movements import record_movement
from inventory.services.positions import Position
from inventory.services.sync.ops import Pushed, read_op
from inventory.services.sync.push import push
from tests import factories

BOSS = Actor("staff", "1", "Boss")
CLERK = Actor("staff", "2", "Clerk")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def after(**span: float) -> datetime:
    """So long after noon of the day that is counted."""
    return NOON + timedelta(**span)


class Desk:
    """The shop; `policy` of its stocktake as given, the rest as by default."""

    def __init__(self, **policy: Any) -> None:
        first = factories.enrol()
        self.device: Device = first.installation.device
        _, code = create_enrollment_code(actor=BOSS, device=self.device, max_uses=1)
        second = register_device(Wish(enrollment_code=code))
        self.tokens = [first.token, second.token]
        self.installations: list[Installation] = [first.installation, second.installation]
        self.actors = [factories.actor(one) for one in self.installations]
        self.product: Product = factories.make_product(self.device, name="Oat milk")
        self.place = default_location(self.device)
        made = stocktakes.create_stocktake(device=self.device, actor=BOSS, name="Spring", policy=policy)
        self.key, self.stocktake_id = made.pk, made.uuid

    # --- read afresh ---
    @property
    def stocktake(self) -> Stocktake:
        found: Stocktake = Stocktake.all_objects.select_related("device", "location", "category").get(pk=self.key)
        return found

    @property
    def line(self) -> StocktakeLine:
        rows = StocktakeLine.objects.select_related("stocktake__device", "device", "product", "location", "lot")
        found: StocktakeLine = rows.get(stocktake=self.key, product=self.product)
        return found

    @property
    def level(self) -> Decimal:
        return sum(StockLevel.objects.filter(product=self.product).values_list("quantity", flat=True), Decimal(0))

    @property
    def head(self) -> int:
        return Feed.objects.get(pk=self.device.pk).head

    def cases(self, kind: str) -> list[Case]:
        return list(Case.objects.filter(device=self.device, kind=kind).order_by("pk"))

    # --- stock ---
    def stock(self, quantity: int, **values: Any) -> StockMovement:
        """So much was received, online."""
        given = {"product_id": self.product.uuid, "kind": "receipt", "quantity": Decimal(quantity), **values}
        return record_movement(device=self.device, actor=BOSS, **given)

    # --- a stocktake, online ---
    def open(self) -> Stocktake:
        return stocktakes.open_stocktake(self.stocktake, actor=BOSS)

    def sheet(self, **values: Any) -> CountSheet:
        return sheets.create_sheet(device=self.device, actor=BOSS, stocktake_id=self.stocktake_id, **values)

    def count(self, sheet: CountSheet, quantity: int, *, who: int = 0, **values: Any) -> CountEntry:
        """Somebody counts online, with an installation."""
        given = {"product_id": self.product.uuid, "quantity": Decimal(quantity), **values}
        given.setdefault("actor", self.actors[who])
        return entries.record_entry(
            device=self.device, sheet_id=sheet.uuid, installation=self.installations[who], **given
        )

    def close(self) -> Stocktake:
        """Every sheet is submitted, the figures are looked at."""
        for sheet in CountSheet.objects.filter(stocktake=self.key, state__in=["offered", "downloaded", "in_progress"]):
            sheets.submit_sheet(sheet, actor=BOSS)
        stocktakes.close_stocktake(self.stocktake, actor=BOSS)
        return self.stocktake

    def counted(self, quantity: int, *, who: int = 0, **values: Any) -> StocktakeLine:
        """Opened, counted on one sheet, evaluated."""
        self.open()
        self.count(self.sheet(), quantity, who=who, **values)
        self.close()
        return self.line

    def recounted(self, quantity: int, *, who: int = 1, **values: Any) -> StocktakeLine:
        """The line is counted again in the next pass."""
        decisions.recount_line(self.line, actor=BOSS)
        sheet = stocktakes.start_recount(self.stocktake, actor=BOSS)
        self.count(sheet, quantity, who=who, **values)
        self.close()
        return self.line

    def accept(self, **values: Any) -> StocktakeLine:
        return decisions.accept_line(self.line, **{"actor": BOSS, "reason": "missing", **values})

    def post(self) -> Stocktake:
        """Approved and posted."""
        stocktakes.approve_stocktake(self.stocktake, actor=BOSS)
        stocktakes.post_stocktake(self.stocktake, actor=BOSS)
        return self.stocktake

    # --- a device that was offline ---
    def push(
        self, *ops: dict[str, Any], who: int = 0, base: int | None = None, offset: timedelta = timedelta(0)
    ) -> Pushed:
        position = Position(base_revision=base, clock_offset_ms=round(offset / timedelta(milliseconds=1)))
        return push(
            device=self.device,
            actor=self.actors[who],
            tables=TABLES,
            ops=[read_op(body, index) for index, body in enumerate(ops)],
            installation=self.installations[who],
            position=position,
        )

    def moves(self, quantity: int, at: datetime | None = None, **members: Any) -> dict[str, Any]:
        """An operation: received (> 0) or issued (< 0) so many."""
        kind = "receipt" if quantity > 0 else "issue"
        data: dict[str, Any] = {"product_id": str(self.product.uuid), "kind": kind, "quantity": str(abs(quantity))}
        if at is not None:
            data["occurred_at"] = at.isoformat()
        return operation("stock_movements", data, **members)

    def counts(
        self, sheet: CountSheet, quantity: int, at: datetime | None = None, base: int | None = None, **members: Any
    ) -> dict[str, Any]:
        """An operation: counted so many."""
        extra = members.pop("data", {})
        data: dict[str, Any] = {"sheet_id": str(sheet.uuid), "product_id": str(self.product.uuid)}
        data |= {"quantity": str(quantity), "base_revision": base, **extra}
        if at is not None:
            data["counted_at"] = at.isoformat()
        return operation("count_entries", data, **members)


def operation(table: str, data: dict[str, Any], *, op: str = "create", id: UUID | None = None, **members: Any) -> Any:
    return {"op_id": str(uuid4()), "op": op, "table": table, "id": str(id or uuid4()), "data": data, **members}
