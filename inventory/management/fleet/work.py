"""What people do with an app all day: seeded, on what their own replica shows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from inventory.management.fleet.handset import Handset
from inventory.management.fleet.specs import Row

SKUS = [f"SKU-{number}" for number in range(40)]  # few, so that offline twins happen
CODES = [f"40123450000{number:02}" for number in range(40)]
PLACES = [f"A-{number}" for number in range(15)]


class Person:
    """Somebody who works with one handset. `start` is when the simulated day began."""

    def __init__(self, handset: Handset, *, random: Random, start: datetime, bases: str) -> None:
        self.handset, self.random, self.start = handset, random, start
        self.bases = bases  # what the app sends with an edit: both, revision, fields or none

    def act(self, moment: float) -> None:
        """Do one thing at `moment` seconds of the day."""
        actions: dict[Callable[[float], None], int] = {
            self._move: 50,
            self._new_product: 9,
            self._new_part: 10,
            self._new_task: 6,
            self._edit: 17,
            self._remove: 6,
            self._blunder: 1,
        }
        self.random.choices(list(actions), weights=list(actions.values()))[0](moment)

    # --- choices ---
    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance

    def _pick(self, table: str) -> str | None:
        rows = self.handset.store.local[table]
        return self.random.choice(list(rows)) if rows else None

    def _maybe(self, table: str, chance: float = 0.5) -> str | None:
        return self._pick(table) if self._happens(chance) else None

    def _create(self, table: str, **data: Any) -> str:
        id = self.handset.new_id()
        self._queue({"op": "create", "table": table, "id": id, "data": data})
        return id

    def _queue(self, op: Row) -> None:
        self.handset.store.enqueue({"op_id": self.handset.new_id(), **op})

    # --- creates ---
    def _move(self, moment: float) -> None:
        product = self._pick("products")
        if product is None:
            self._new_product(moment)
            return
        kind = self.random.choice(("receipt", "issue", "issue", "transfer", "adjustment"))
        places = list(self.handset.store.local["locations"])
        source, target = self.random.sample(places, 2) if len(places) > 1 else (None, None)
        if source is None and (kind == "transfer" or not places):
            kind = "receipt"
        if kind == "receipt":
            source, target = None, self._maybe("locations")
        if kind == "issue":
            source, target = self._maybe("locations"), None
        if kind == "adjustment":
            source, target = self.random.choice(((self._pick("locations"), None), (None, self._pick("locations"))))
        occurred = self.start + timedelta(seconds=round(moment)) + self.handset.skew
        self._create(
            "stock_movements",
            product_id=product,
            kind=kind,
            quantity=self._quantity(),
            occurred_at=occurred.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            reference=f"day-{round(moment)}",
            **{name: id for name, id in (("from_location_id", source), ("to_location_id", target)) if id},
            **self._lot_of(product),
        )

    def _quantity(self) -> str:
        return self.random.choice((f"{self.random.randint(1, 50)}", f"{self.random.randint(0, 9)}.{self._fraction()}"))

    def _fraction(self) -> str:
        return self.random.choice(("5", "125", "000001", "333333"))

    def _lot_of(self, product: str) -> Row:
        lots = [id for id, lot in self.handset.store.local["lots"].items() if lot["product_id"] == product]
        return {"lot_id": self.random.choice(lots)} if lots and self._happens(0.7) else {}

    def _new_product(self, moment: float) -> None:
        number = self.random.randint(1, 9999)
        product = self._create(
            "products",
            name=f"Product {number}",
            sku=self.random.choice(("", self.random.choice(SKUS))),
            category_id=self._maybe("categories"),
            attributes={"made_at": round(moment), "colour": self.random.choice(("red", "grün", "青"))},
        )
        if self._happens(0.6):
            self._create("barcodes", product_id=product, value=self.random.choice(CODES), quantity="6")

    def _new_part(self, moment: float) -> None:
        kind = self.random.choice(("categories", "locations", "lots", "barcodes"))
        product = self._pick("products")
        if kind == "categories":
            self._create(kind, name=f"Category {round(moment)}", parent_id=self._maybe("categories", 0.3))
        elif kind == "locations":
            place = self.random.choice(PLACES)
            self._create(kind, name=f"Place {place}", code=place, parent_id=self._maybe("locations", 0.4), kind="bin")
        elif product is not None and kind == "lots":
            self._create(kind, product_id=product, code=f"L{self.random.randint(1, 5)}", expires_on="2027-01-31")
        elif product is not None:
            self._create(kind, product_id=product, value=self.random.choice(CODES), symbology="EAN13")

    def _new_task(self, moment: float) -> None:
        place = self._maybe("locations")
        self._create("tasks", title=f"Task of {round(moment)}", priority=self.random.randint(1, 5), location_id=place)

    # --- edits ---
    def _edit(self, moment: float) -> None:
        table = self.random.choice(("products", "products", "tasks", "tasks", *EDITS))
        id = self._pick(table)
        if id is None:
            return
        names = self.random.sample(list(EDITS[table]), k=self.random.randint(1, 2))
        data = {name: self._value(name, EDITS[table][name], moment) for name in names}
        if data.get("parent_id") == id:
            return
        row = self.handset.store.local[table][id]
        self._queue({"op": "update", "table": table, "id": id, "data": data, **self._base(row, data)})

    def _value(self, name: str, choices: Any, moment: float) -> Any:
        if isinstance(choices, str):
            return self._maybe(choices, 0.7)
        return self.random.choice(choices) if choices else f"{name} at {round(moment)}"

    def _base(self, row: Row, data: Row) -> Row:
        found: Row = {}
        if self.bases in ("both", "fields"):
            found["base"] = {name: row[name] for name in data}
        if self.bases in ("both", "revision") and "revision" in row:
            found["base_revision"] = row["revision"]
        return found

    def _remove(self, moment: float) -> None:
        table = self.random.choice(("tasks", "tasks", "barcodes", "products", "lots", "categories", "locations"))
        id = self._pick(table)
        if id is None:
            return
        row = self.handset.store.local[table][id]
        base = self._base(row, {}) if self._happens(0.5) else {}
        base.pop("base", None)
        self._queue({"op": "delete", "table": table, "id": id, **base})

    def _blunder(self, moment: float) -> None:
        """What the server must refuse without harm to the neighbours."""
        if (movement := self._pick("stock_movements")) and self._happens(0.5):
            self._queue({"op": "update", "table": "stock_movements", "id": movement, "data": {"note": "no"}})
        else:
            self._create("tasks", title=f"Blunder {round(moment)}", x_colour="red")


# Column → what it may become: a list, a table to pick from, or nothing (then a text).
EDITS: dict[str, dict[str, Any]] = {
    "products": {
        "name": (),
        "notes": (),
        "sku": SKUS,
        "is_active": (True, False),
        "reorder_level": (None, "5", "2.5"),
        "unit_cost": (None, "1.25"),
        "category_id": "categories",
    },
    "tasks": {
        "title": (),
        "completed": (True, False),
        "priority": (1, 2, 3, 4, 5),
        "assignee": ("ada", "bob", ""),
        "due_date": (None, "2026-12-24"),
        "location_id": "locations",
    },
    "barcodes": {"value": CODES, "quantity": ("1", "6", "12.5")},
    "locations": {"name": (), "code": PLACES, "parent_id": "locations"},
    "lots": {"code": ("L1", "L2", "L3"), "expires_on": (None, "2027-06-30")},
    "categories": {"name": (), "parent_id": "categories"},
}
