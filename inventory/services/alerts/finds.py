"""What rules find: a few queries per rule, whatever is stored, for one device or for all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from config.core.quantities import QuantityField, plain
from devices.models import Device, Standing
from inventory.models import AlertRule, Case, CountEntry, Lot, Product, StockLevel, Stocktake
from inventory.services.cases import STILL_OPEN
from inventory.services.trees import branch

UNDONE = (Stocktake.State.CANCELLED, Stocktake.State.REVERSED)
LIVE = ~Q(installations__standing=Standing.REVOKED)
ZERO = Value(Decimal(0), output_field=QuantityField())


@dataclass(frozen=True, slots=True)
class Find:
    """Something a rule found. `is_new` False: it keeps an alert alive that stands already, and raises none."""

    device_id: int
    key: str
    summary: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    product_id: int | None = None
    is_new: bool = True


def find(rule: AlertRule, device_id: int | None = None) -> list[Find]:
    """What a rule finds now, on one device or on all that it watches; nothing where it is disabled or deleted."""
    if not rule.enabled or rule.is_deleted:
        return []
    return list(FINDERS[rule.kind](rule, rule.device_id or device_id))


def _below_minimum(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Less than the rule's threshold or, without one, than the product's reorder level."""
    minimum: Any = F("reorder_level") if rule.threshold is None else _quantity(rule.threshold)
    here = Subquery(
        _levels(rule, product=OuterRef("pk")).values("product").annotate(all=Sum("quantity")).values("all"),
        output_field=QuantityField(),
    )
    products = _watched(_goods(rule, Product.objects.filter(is_active=True)), device_id)
    low = (
        products.annotate(minimum=minimum, here=Coalesce(here, ZERO))
        .filter(minimum__isnull=False, here__lt=F("minimum") + _quantity(rule.margin))
        .order_by("device_id", "name", "id")
    )
    place = f" at {rule.location}" if rule.location else ""
    for row in low.values_list("device_id", "pk", "uuid", "name", "unit", "here", "minimum"):
        device, product, uuid, name, unit, stock, least = row
        yield Find(
            device_id=device,
            key=f"product:{uuid}",
            summary=f"{name}: {_amount(stock, unit)} left{place}, minimum {_amount(least, unit)}.",
            evidence={"quantity": plain(stock), "minimum": plain(least), "unit": unit},
            product_id=product,
            is_new=stock < least,
        )


def _expiring(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Lots with stock whose date is at most `days` away, or past."""
    last = timezone.localdate() + timedelta(days=rule.days or 0)
    here = Subquery(
        _levels(rule, lot=OuterRef("pk")).values("lot").annotate(all=Sum("quantity")).values("all"),
        output_field=QuantityField(),
    )
    lots = _watched(Lot.objects.filter(expires_on__lte=last, product__deleted_at=None), device_id)
    lots = _goods(rule, lots, "product__").annotate(here=here).filter(here__gt=ZERO).order_by("device_id", "expires_on")
    for row in lots.values_list(
        "device_id", "uuid", "code", "expires_on", "product", "product__name", "product__unit", "here"
    ):
        device, uuid, code, day, product, name, unit, stock = row
        verb = "expires" if day >= timezone.localdate() else "expired"
        yield Find(
            device_id=device,
            key=f"lot:{uuid}",
            summary=f"{name}, lot {code}: {_amount(stock, unit)} left, {verb} on {day}.",
            evidence={"lot_id": uuid, "expires_on": day, "quantity": plain(stock), "unit": unit},
            product_id=product,
        )


def _not_counted(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Products that have moved and that nobody has counted for `days`; a cancelled or undone stocktake is no count."""
    before = timezone.now() - timedelta(days=rule.days or 0)
    counts = CountEntry.objects.filter(product=OuterRef("pk"), device=OuterRef("device"))
    counts = _at(rule, counts.exclude(sheet__stocktake__state__in=UNDONE)).order_by()
    last = Subquery(counts.values("product").annotate(last=Max("received_at")).values("last"))
    moved = Exists(_levels(rule, product=OuterRef("pk")))
    products = _watched(_goods(rule, Product.objects.filter(is_active=True, created_at__lt=before)), device_id)
    old = products.annotate(last=last).filter(Q(last__lt=before) | Q(last=None), moved)
    rows = old.order_by("device_id", "name", "id").values_list("device_id", "pk", "uuid", "name", "last")
    for device, pk, uuid, name, moment in rows:
        said = f"was last counted on {_moment(moment)}" if moment else "has never been counted"
        place = f" at {rule.location}" if rule.location else ""
        yield Find(device, f"product:{uuid}", f"{name} {said}{place}.", {"counted_at": moment}, product_id=pk)


def _device_silent(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Active devices of which nothing was heard for `hours`."""
    since = timezone.now() - timedelta(hours=rule.hours or 0)
    seen = _active(device_id).annotate(seen=Max("installations__presence__last_seen_at", filter=LIVE))
    for device in seen.filter(seen__lt=since).order_by("pk"):
        yield Find(
            device_id=device.pk,
            key="device",
            summary=f"{device} was last heard of on {_moment(device.seen)}.",
            evidence={"last_seen_at": device.seen},
        )


def _queue_stuck(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Active devices that hold at least so many operations which they have not pushed."""
    held = _active(device_id).annotate(held=Sum("installations__presence__queue_depth", filter=LIVE))
    for device in held.filter(held__gte=int(rule.threshold or 0)).order_by("pk"):
        yield Find(
            device_id=device.pk,
            key="device",
            summary=f"{device} holds {device.held} operations that it has not pushed.",
            evidence={"queue_depth": device.held},
        )


def _ledger_drift(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Devices with open cases of the nightly proof."""
    drifts = _watched(Case.objects.filter(kind=Case.Kind.LEDGER_DRIFT, state__in=STILL_OPEN), device_id).order_by()
    for device, number in drifts.values_list("device").annotate(number=Count("pk")):
        noun = "level differs" if number == 1 else "levels differ"
        yield Find(device, "device", f"Ledger drift: {number} {noun} from the ledger.", {"cases": number})


def _case_open(rule: AlertRule, device_id: int | None) -> Iterator[Find]:
    """Cases that wait for somebody for `days`."""
    before = timezone.now() - timedelta(days=rule.days or 0)
    cases = _watched(Case.objects.filter(state__in=STILL_OPEN, created_at__lt=before), device_id)
    rows = cases.order_by("pk").values_list("device", "uuid", "summary", "created_at", "product")
    for device, uuid, summary, opened, product in rows:
        told = f"Open since {_moment(opened)}: {summary}"[:500]
        yield Find(device, f"case:{uuid}", told, {"case_id": uuid}, product_id=product)


FINDERS: Mapping[str, Callable[[AlertRule, int | None], Iterable[Find]]] = {
    AlertRule.Kind.BELOW_MINIMUM: _below_minimum,
    AlertRule.Kind.EXPIRING: _expiring,
    AlertRule.Kind.NOT_COUNTED: _not_counted,
    AlertRule.Kind.DEVICE_SILENT: _device_silent,
    AlertRule.Kind.QUEUE_STUCK: _queue_stuck,
    AlertRule.Kind.LEDGER_DRIFT: _ledger_drift,
    AlertRule.Kind.CASE_OPEN: _case_open,
}


def _watched(rows: Any, device_id: int | None) -> Any:
    return rows.filter(device__deleted_at=None) if device_id is None else rows.filter(device=device_id)


def _active(device_id: int | None) -> Any:
    devices = Device.objects.filter(standing=Standing.ACTIVE)
    return devices if device_id is None else devices.filter(pk=device_id)


def _goods(rule: AlertRule, rows: Any, path: str = "") -> Any:
    """The products that a rule is about; a category stands for all below it, too."""
    if rule.product_id is not None:
        rows = rows.filter(**{f"{path}pk": rule.product_id})
    if rule.category is not None:
        rows = rows.filter(**{f"{path}category__in": [rule.category, *branch(rule.category)]})
    return rows


def _levels(rule: AlertRule, **of: Any) -> QuerySet[StockLevel]:
    """The levels that count; a location stands for all below it, too."""
    levels: QuerySet[StockLevel] = _at(rule, StockLevel.all_objects.filter(**of).order_by())
    return levels


def _at(rule: AlertRule, rows: Any) -> Any:
    if rule.location is None:
        return rows
    return rows.filter(location__in=[rule.location, *branch(rule.location)])


def _quantity(value: Decimal) -> Value:
    return Value(value, output_field=QuantityField())


def _amount(quantity: Decimal, unit: str) -> str:
    return plain(quantity) if unit == "pcs" else f"{plain(quantity)} {unit}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
