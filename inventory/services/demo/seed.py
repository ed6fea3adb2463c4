"""A small, believable demo: a shop, a warehouse and a van with a few weeks behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID, uuid5

from django.db import transaction
from django.utils import timezone

from devices.actors import Actor, system
from devices.models import Device
from devices.services.enrollment import Wish, create_enrollment_code, register_device
from inventory.models import Category, Location, Lot, Product, StockMovement
from inventory.services.barcodes import create_barcode
from inventory.services.categories import create_category
from inventory.services.demo.counts import seed_counts
from inventory.services.demo.goods import GOODS, Good
from inventory.services.locations import create_location, default_location, update_location
from inventory.services.lots import create_lot
from inventory.services.movements import record_movements, reverse_movement
from inventory.services.products import create_product
from inventory.services.scan import resolve_scan
from inventory.services.tasks import complete_task, create_task

DEMO = UUID("0192f0c4-5d0e-7a51-8a3d-6f1f0c0de003")  # namespace of demo ids
DEFAULT_SEED = 2026
DAYS = 28
Kind = StockMovement.Kind


@dataclass(frozen=True, slots=True)
class Plan:
    """One demo device: its places below the default one, its share of the goods, how busy it is."""

    key: str
    name: str
    platform: str
    kind: str
    places: tuple[tuple[str, str, str], ...]  # name, code, kind
    goods: Sequence[Good]
    delivered: int  # pieces in one delivery
    sold: int  # most pieces in one sale
    tasks: tuple[tuple[str, int, int], ...]  # title, priority, due in days


PLANS: tuple[Plan, ...] = (
    Plan(
        key="shop",
        name="Harbour Street shop",
        platform="Android till",
        kind=Location.Kind.STORE,
        places=(("Shelves", "S", "zone"), ("Cold cabinet", "S-COLD", "shelf"), ("Back room", "B", "room")),
        goods=GOODS,
        delivered=24,
        sold=4,
        tasks=(
            ("Check the expiry dates in the cold cabinet", 1, 0),
            ("Count the coffee shelf", 3, 2),
            ("Put up the autumn price labels", 4, 5),
        ),
    ),
    Plan(
        key="warehouse",
        name="North warehouse",
        platform="Zebra TC22",
        kind=Location.Kind.WAREHOUSE,
        places=(("Aisle 1", "A1", "aisle"), ("Rack A1-1", "A1-1", "rack"), ("Goods in", "IN", "zone")),
        goods=[good for good in GOODS if not 0 < good.keeps_days < 10],  # noqa: PLR2004  # bread is not stored
        delivered=240,
        sold=48,
        tasks=(("Move the water pallets to aisle 1", 2, 1), ("Return the damaged roll cage", 3, -2)),
    ),
    Plan(
        key="van",
        name="Delivery van 3",
        platform="iPhone",
        kind=Location.Kind.VEHICLE,
        places=(("Left rack", "L", "rack"), ("Cool box", "C", "bin")),
        goods=GOODS[9:24],
        delivered=12,
        sold=3,
        tasks=(("Refill the first-aid kit", 2, 7),),
    ),
)


COUNTED = "shop"  # the one that is counted


@dataclass(frozen=True, slots=True)
class DemoDevice:
    """What was made; `token` is shown this once and is empty where the device was there already."""

    device: Device
    token: str
    products: int = 0
    movements: int = 0


def seed_demo(*, seed: int = DEFAULT_SEED) -> list[DemoDevice]:
    """Make the demo devices that are not there yet, each in one transaction; the same seed makes the same."""
    return [_seed_device(plan, seed) for plan in PLANS]


@transaction.atomic
def _seed_device(plan: Plan, seed: int) -> DemoDevice:
    device_id = uuid5(DEMO, f"{seed}/{plan.key}")
    known = Device.all_objects.filter(uuid=device_id).first()
    if known is not None:
        return DemoDevice(known, "")
    _, code = create_enrollment_code(actor=system("seed_demo"), label=plan.name)  # in case the server asks for one
    wish = Wish(device_id=device_id, name=plan.name, platform=plan.platform, app_version="demo", enrollment_code=code)
    enrolled = register_device(wish)
    story = _Story(enrolled.installation.device, plan, Random(f"{seed}/{plan.key}"))  # noqa: S311  # a demo, no secret
    movements = story.tell()
    if plan.key == COUNTED:
        _, code = create_enrollment_code(actor=story.actor, device=story.device, label="Second counter")
        join = Wish(device_id=device_id, name="Stockroom handheld", platform="Zebra TC22", enrollment_code=code)
        counters = (enrolled.installation, register_device(join).installation)
        places = {name: story.place(key) for name, key in (("cold", "S-COLD"), ("room", "B"), ("shelves", "S"))}
        seed_counts(counters, actor=story.actor, **places)
    return DemoDevice(story.device, enrolled.token, products=len(plan.goods), movements=movements)


class _Story:
    """Four weeks of one device: what it is given, in which order. State: its places, products and lots."""

    def __init__(self, device: Device, plan: Plan, random: Random) -> None:
        self.device, self.plan, self.random = device, plan, random
        self.actor: Actor = system("seed_demo")
        self.start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
        self.movements: list[StockMovement] = []

    def tell(self) -> int:
        """Make everything. Returns how many movements there are."""
        home = update_location(
            default_location(self.device), actor=self.actor, changes={"name": self.plan.name, "kind": self.plan.kind}
        )
        places = [self._make(create_location, f"place/{code}", name=name, code=code, kind=kind, parent_id=home.uuid)
                  for name, code, kind in self.plan.places]  # fmt: skip
        categories: dict[str, Category] = {
            name: self._make(create_category, f"category/{name}", name=name)
            for name in dict.fromkeys(good.category for good in self.plan.goods)
        }
        for good in self.plan.goods:
            product = self._product(good, categories[good.category])
            self._life_of(product, good, shelf=places[good.keeps_days > 0], store=places[-1])
        self._record()
        self._tasks(places[0])
        resolve_scan(device=self.device, actor=self.actor, code="9529999999994")  # a code nobody knows yet: a case
        return len(self.movements) + 1

    def place(self, code: str) -> Location:
        """One of its places, by code."""
        found: Location = Location.objects.for_device(self.device).get(code=code)
        return found

    def _make(self, create: Any, key: str, **values: Any) -> Any:
        return create(device=self.device, actor=self.actor, id=uuid5(self.device.uuid, key), **values)

    def _product(self, good: Good, category: Category) -> Product:
        product: Product = self._make(
            create_product,
            f"product/{good.sku}",
            name=good.name,
            sku=good.sku,
            category_id=category.uuid,
            reorder_level=Decimal(self.plan.delivered // 4),
            unit_cost=good.unit_cost,
        )
        self._make(create_barcode, f"barcode/{good.sku}", product_id=product.uuid, value=good.ean13, symbology="EAN-13")
        if self.plan.key == "warehouse":
            self._make(
                create_barcode,
                f"case/{good.sku}",
                product_id=product.uuid,
                value=good.case_code,
                symbology="ITF-14",
                quantity=Decimal(12),
            )
        return product

    def _life_of(self, product: Product, good: Good, *, shelf: Location, store: Location) -> None:
        """Delivered to the store, carried to the shelf, sold from there; some come back, some break."""
        random, pieces = self.random, self.plan.delivered
        lot = self._lot(product, good)
        self._move(0, product, lot, Kind.RECEIPT, pieces, to=store, reason="delivery", reference="PO-1041")
        carried = random.randint(pieces // 2, pieces)
        self._move(1, product, lot, Kind.TRANSFER, carried, source=store, to=shelf, reason="shelf filling")
        left = carried
        for day in sorted(random.sample(range(2, DAYS), 5)):
            sold = min(left, random.randint(1, self.plan.sold))
            if sold:
                self._move(day, product, lot, Kind.ISSUE, sold, source=shelf, reason="sale")
                left -= sold
        if random.random() < 0.25:  # noqa: PLR2004  # every fourth
            self._move(DAYS - 1, product, lot, Kind.RECEIPT, 1, to=shelf, reason="customer return")
        if random.random() < 0.2 and left:  # noqa: PLR2004  # every fifth
            reason = "expired" if lot else "damaged"
            self._move(DAYS - 1, product, lot, Kind.ADJUSTMENT, 1, source=shelf, reason=reason)

    def _lot(self, product: Product, good: Good) -> Lot | None:
        if not good.keeps_days:
            return None
        expires_on = (timezone.now() + timedelta(days=self.random.randint(-1, good.keeps_days))).date()
        code = f"L{good.number:03}{expires_on:%y%m%d}"
        lot: Lot = self._make(create_lot, f"lot/{good.sku}", product_id=product.uuid, code=code, expires_on=expires_on)
        return lot

    def _move(
        self,
        day: int,
        product: Product,
        lot: Lot | None,
        kind: str,
        quantity: int,
        *,
        source: Location | None = None,
        to: Location | None = None,
        reason: str,
        reference: str = "",
    ) -> None:
        self.movements.append(
            StockMovement(
                device=self.device,
                uuid=uuid5(self.device.uuid, f"movement/{len(self.movements)}"),
                product=product,
                lot=lot,
                kind=kind,
                quantity=Decimal(quantity),
                from_location=source,
                to_location=to,
                reason=reason,
                reference=reference,
                occurred_at=self._during(day),
            )
        )

    def _during(self, day: int) -> datetime:
        """A moment of that day, in opening hours and never in the future."""
        minutes = self.random.randint(0, 11 * 60)
        return min(self.start + timedelta(days=day, minutes=minutes), timezone.now())

    def _record(self) -> None:
        """In the order of time; then one sale too many (negative stock: a case) and one sale undone."""
        last_sale = next(move for move in reversed(self.movements) if move.kind == Kind.ISSUE)
        self._move(
            DAYS - 1,
            last_sale.product,
            last_sale.lot,
            Kind.ISSUE,
            self.plan.delivered * 2,
            source=last_sale.from_location,
            reason="sale",
        )
        self.movements.sort(key=lambda move: move.occurred_at)
        for start in range(0, len(self.movements), 500):
            record_movements(device=self.device, actor=self.actor, movements=self.movements[start : start + 500])
        first_sale = next(move for move in self.movements if move.kind == Kind.ISSUE)
        reverse_movement(first_sale, actor=self.actor, reason="wrong product scanned")

    def _tasks(self, place: Location) -> None:
        today = timezone.now().date()
        for title, priority, due in self.plan.tasks:
            task = self._make(
                create_task,
                f"task/{title}",
                title=title,
                priority=priority,
                due_date=today + timedelta(days=due),
                location_id=place.uuid,
            )
            if due < 0:
                complete_task(task, actor=self.actor)
