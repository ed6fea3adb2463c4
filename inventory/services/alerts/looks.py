"""Looks: rules are compared with what is there; alerts are raised, kept up to date, and cleared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from devices.actors import system
from devices.models import Device, Feed
from devices.services.owned import change_owned, insert_many_owned, lock_device, lock_owned, restamp
from inventory.models import Alert, AlertLook, AlertRule, AlertSighting, Case, Product
from inventory.services.alerts.finds import Find, find
from inventory.services.alerts.mails import request_mail
from inventory.services.cases import open_case, resolve_case

WATCH = system("alerts")
Kind = AlertRule.Kind
# What may change when a feed moves, and what may change by itself.
BY_WRITES = (Kind.BELOW_MINIMUM, Kind.EXPIRING, Kind.NOT_COUNTED, Kind.LEDGER_DRIFT, Kind.CASE_OPEN)
BY_CLOCK = (Kind.DEVICE_SILENT, Kind.QUEUE_STUCK, Kind.CASE_OPEN)
State = Alert.State


@dataclass(slots=True)
class Change:
    """What one look changes on one device."""

    raised: list[Find]
    told_anew: list[tuple[Alert, Find]]
    reopened: list[Alert]
    cleared: list[Alert]

    def __bool__(self) -> bool:
        return bool(self.raised or self.told_anew or self.reopened or self.cleared)


def devices_to_look_at() -> Any:
    """Devices that were written to since the last look, and that a rule (or what it left behind) is about."""
    looked = AlertLook.objects.filter(device=models.OuterRef("device"), head__gte=models.OuterRef("head"))
    own = AlertRule.objects.filter(device=models.OuterRef("device"))
    standing = Alert.objects.standing().filter(device=models.OuterRef("device"))
    feeds = Feed.objects.filter(~models.Exists(looked), device__deleted_at=None)
    if not AlertRule.objects.filter(device=None, enabled=True).exists():
        feeds = feeds.filter(models.Exists(own) | models.Exists(standing))
    return feeds.order_by("device").values_list("device", flat=True)


def look_at(device_id: int) -> None:
    """Look at one device after it was written to. The head is read first: what comes meanwhile asks for another."""
    head = Feed.objects.values_list("head", flat=True).get(device=device_id)
    for rule in _rules(BY_WRITES, device_id):
        look(rule, device_id)
    AlertLook.objects.update_or_create(device_id=device_id, defaults={"head": head})


def look_by_clock() -> None:
    """Look for what time alone brings about, on all devices."""
    for rule in _rules(BY_CLOCK):
        look(rule)


def look_at_all() -> Iterable[AlertRule]:
    """Every rule, for the nightly look at everything."""
    return _rules(tuple(Kind))


def look(rule: AlertRule, device_id: int | None = None) -> int:
    """Compare what a rule finds with what stands, on one device or all that it watches. Returns how many changed.

    Reads first, and takes a feed's lock only where something is to be written.
    """
    found: dict[int, dict[str, Find]] = defaultdict(dict)
    for each in find(rule, device_id):
        found[each.device_id][each.key] = each
    standing: dict[int, list[Alert]] = defaultdict(list)
    rows = Alert.objects.standing().filter(rule=rule)
    for alert in rows if device_id is None else rows.filter(device=device_id):
        standing[alert.device_id].append(alert)
    _count_sightings(rule, found, standing, device_id)
    changed = 0
    for device in sorted(found.keys() | standing.keys()):
        if _changes(found[device], standing[device]):
            changed += _settle(rule, device, found[device])
    return changed


def _changes(found: dict[str, Find], standing: list[Alert]) -> Change:
    now, known = timezone.now(), {alert.key for alert in standing}
    change = Change([each for key, each in found.items() if each.is_new and key not in known], [], [], [])
    for alert in standing:
        each = found.get(alert.key)
        if each is None:
            change.cleared.append(alert)
        elif alert.summary != each.summary[:500]:
            change.told_anew.append((alert, each))
        if each is not None and _is_over(alert, now):
            change.reopened.append(alert)
    return change


def _is_over(alert: Alert, now: datetime) -> bool:
    return alert.state == State.SNOOZED and alert.snoozed_until is not None and alert.snoozed_until <= now


@transaction.atomic
def _settle(rule: AlertRule, device_id: int, found: dict[str, Find]) -> int:
    """Write the changes of one device, under its feed lock and as things stand by then."""
    device = Device.all_objects.get(pk=device_id)
    lock_device(device)
    change = _changes(found, list(Alert.objects.standing().filter(rule=rule, device=device)))
    products = Product.all_objects.in_bulk({each.product_id for each in change.raised if each.product_id})
    raised = [_alert(rule, device, each, products.get(each.product_id or 0)) for each in change.raised]
    insert_many_owned(raised, device=device, actor=WATCH, action="raised")
    for alert, each in change.told_anew:
        current, revision = lock_owned(alert)
        values = {"summary": each.summary[:500], "evidence": dict(each.evidence)}
        change_owned(current, revision=revision, actor=WATCH, changes=values)
    _restamp(device, change.reopened, "raised", state=State.OPEN, snoozed_until=None)
    _restamp(device, change.cleared, "cleared", state=State.CLEARED, cleared_at=timezone.now(), snoozed_until=None)
    if rule.kind == Kind.DEVICE_SILENT:
        _silent_cases(device, raised, change.cleared)
    request_mail(device=device, alerts=[*raised, *change.reopened], actor=WATCH)
    return len(raised) + len(change.told_anew) + len(change.reopened) + len(change.cleared)


def _alert(rule: AlertRule, device: Device, each: Find, product: Product | None) -> Alert:
    return Alert(
        device=device,
        rule=rule,
        kind=rule.kind,
        key=each.key,
        summary=each.summary[:500],
        evidence=dict(each.evidence),
        product=product,
        location=rule.location,
    )


def _restamp(device: Device, alerts: list[Alert], action: str, **values: Any) -> None:
    rows = Alert.objects.filter(pk__in=[alert.pk for alert in alerts])
    restamp(rows, device=device, actor=WATCH, action=action, **values)


def _silent_cases(device: Device, raised: list[Alert], cleared: list[Alert]) -> None:
    """A silent device is for somebody to look into; when it is heard of again, an unclaimed case is settled."""
    for alert in raised:
        open_case(
            device=device,
            actor=WATCH,
            kind=Case.Kind.DEVICE_SILENT,
            key="device",
            summary=alert.summary,
            evidence=alert.evidence,
        )
    if cleared:
        for case in Case.objects.for_device(device).filter(kind=Case.Kind.DEVICE_SILENT, state=Case.State.OPEN):
            resolve_case(case, actor=WATCH, resolution="The device was heard of again.")


def _count_sightings(
    rule: AlertRule, found: dict[int, dict[str, Find]], standing: dict[int, list[Alert]], device_id: int | None
) -> None:
    """Take out of `found` what has to be found more often before it is raised, and count it."""
    if rule.patience <= 1:
        return
    known = {(alert.device_id, alert.key) for alerts in standing.values() for alert in alerts}
    fresh = {(device, key) for device, finds in found.items() for key, each in finds.items() if each.is_new} - known
    rows = AlertSighting.objects.filter(rule=rule)
    rows = rows if device_id is None else rows.filter(device=device_id)
    before = {(row.device_id, row.key): row for row in rows}
    ripe = {place for place in fresh if place in before and before[place].times + 1 >= rule.patience}
    with transaction.atomic():
        gone = [row.pk for place, row in before.items() if place not in fresh or place in ripe]
        AlertSighting.objects.filter(pk__in=gone).delete()
        seen = [before[place].pk for place in fresh - ripe if place in before]
        AlertSighting.objects.filter(pk__in=seen).update(times=models.F("times") + 1)
        new = [AlertSighting(rule=rule, device_id=device, key=key) for device, key in fresh - before.keys()]
        AlertSighting.objects.bulk_create(new, ignore_conflicts=True)
    for device, key in fresh - ripe:
        del found[device][key]


def _rules(kinds: tuple[Kind, ...], device_id: int | None = None) -> list[AlertRule]:
    """Rules to look by; a disabled or deleted one too as long as something of it stands: it is to be cleared."""
    left = models.Exists(Alert.objects.standing().filter(rule=models.OuterRef("pk")))
    rules = AlertRule.all_objects.filter(models.Q(enabled=True, deleted_at=None) | left, kind__in=kinds)
    if device_id is not None:
        rules = rules.watching(device_id)
    return list(rules.select_related("device", "location__device", "category__device").order_by("pk"))
