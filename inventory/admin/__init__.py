"""Registers the admin pages of what is counted."""

from inventory.admin import (
    alerts,
    barcodes,
    cases,
    catalog,
    categories,
    counting,
    imports,
    jobs,
    labels,
    levels,
    locations,
    lots,
    movements,
    products,
    tasks,
    webhooks,
)

__all__ = [
    "alerts",
    "barcodes",
    "cases",
    "catalog",
    "categories",
    "counting",
    "imports",
    "jobs",
    "labels",
    "levels",
    "locations",
    "lots",
    "movements",
    "products",
    "tasks",
    "webhooks",
]
