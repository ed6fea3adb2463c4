"""The search behind Ctrl+K: a few of each kind, found by name or code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from devices.models import Device
from inventory.admin.navigation import may_view
from inventory.models import Barcode, Location, Product, Task

MOST = 8  # of each kind
KINDS: tuple[tuple[type[Any], str, tuple[str, ...]], ...] = (
    (Device, "smartphone", ("name", "platform")),
    (Product, "inventory_2", ("name", "sku")),
    (Barcode, "barcode", ("value", "gtin")),
    (Location, "warehouse", ("name", "code")),
    (Task, "checklist", ("title",)),
)


def search(request: HttpRequest, term: str) -> list[SearchResult]:
    """Unfold's search callback."""
    return list(_found(request, term.strip()[:100].replace("\x00", "")))


def _found(request: HttpRequest, term: str) -> Iterator[SearchResult]:
    for model, icon, fields in KINDS:
        if not term or not may_view(request, model._meta.label_lower):
            continue
        wanted = Q()
        for name in fields:
            wanted |= Q(**{f"{name}__icontains": term})
        rows = model.objects.filter(wanted).order_by("-id")
        for row in (rows if model is Device else rows.select_related("device"))[:MOST]:
            where = "" if model is Device else f" · {row.device}"
            address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))
            yield SearchResult(str(row), f"{str(row._meta.verbose_name).capitalize()}{where}", address, icon)
