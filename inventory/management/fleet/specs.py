"""The synced tables as a client knows them: columns with their defaults, references, codes that should be unique."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


class Divergence(Exception):
    """Something is not as the protocol promises; the text says where and what."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One table. `code` should be unique (with `within`); a `fact` is insert-only; `read_only` flows down only."""

    name: str
    route: str
    defaults: Mapping[str, Any]
    references: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    within: str = ""
    fact: bool = False
    read_only: bool = False

    @property
    def required(self) -> frozenset[str]:
        """References that cannot be empty."""
        return frozenset(name for name in self.references if name not in self.defaults)


_ALL = (
    Spec("categories", "categories", {"parent_id": None}, {"parent_id": "categories"}),
    Spec(
        "products",
        "products",
        {
            "sku": "",
            "unit": "pcs",
            "notes": "",
            "is_active": True,
            "reorder_level": None,
            "unit_cost": None,
            "category_id": None,
            "attributes": {},
        },
        {"category_id": "categories"},
        code="sku",
    ),
    Spec("barcodes", "barcodes", {"symbology": "", "quantity": "1"}, {"product_id": "products"}, code="value"),
    Spec(
        "locations", "locations", {"code": "", "parent_id": None, "kind": "other"}, {"parent_id": "locations"}, "code"
    ),
    Spec("lots", "lots", {"kind": "lot", "expires_on": None}, {"product_id": "products"}, "code", "product_id"),
    Spec(
        "stock_movements",
        "stock-movements",
        {"from_location_id": None, "to_location_id": None, "lot_id": None, "reason": "", "note": "", "reference": ""},
        {"product_id": "products", "from_location_id": "locations", "to_location_id": "locations", "lot_id": "lots"},
        fact=True,
    ),
    Spec(
        "stock_levels",
        "stock-levels",
        {"lot_id": None},
        {"product_id": "products", "location_id": "locations", "lot_id": "lots"},
        read_only=True,
    ),
    Spec(
        "tasks",
        "tasks",
        {
            "description": "",
            "priority": 3,
            "due_date": None,
            "assignee": "",
            "location_id": None,
            "completed": False,
        },
        {"location_id": "locations"},
    ),
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in _ALL}
TABLES = ",".join(SPECS)  # what these clients ask for: counting is not their business
