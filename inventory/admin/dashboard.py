"""The first page: figures that are read from the database, each a link to the rows behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timesince import timesince

from config.core.quantities import counted
from devices.models import Device, Event, Presence, Standing
from inventory.admin.jobs import proof_verdict
from inventory.admin.navigation import list_address, may_view, open_cases
from inventory.models import Alert, Case, Job, Product, StockLevel, StockMovement, Task

DAYS = 14
SILENT = timedelta(hours=24)
RECENT = 8
Card = dict[str, Any]


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's DASHBOARD_CALLBACK. At most one query per figure below, whatever is stored."""
    sections = (
        ("devices.device", _fleet),
        ("inventory.product", _catalogue),
        ("inventory.stocklevel", _levels),
        ("inventory.alert", _alerts),
        ("inventory.task", _tasks),
        ("inventory.job", _jobs),
    )
    cards = [card for label, section in sections if may_view(request, label) for card in section()]
    extra: dict[str, Any] = {"cards": cards}
    if may_view(request, "inventory.stockmovement"):
        extra |= _ledger()
    if may_view(request, "inventory.case"):
        extra |= {"cases": _cases(request), "cases_link": list_address("inventory.case")}
    if may_view(request, "devices.event"):
        recent = Event.objects.select_related("device").order_by("-id")[:RECENT]
        extra |= {"recent": list(recent), "recent_link": list_address("devices.event")}
    return {**context, **extra}


def _card(title: str, figure: str, note: str, label: str, query: str = "", *, tone: str = "") -> Card:
    return {"title": title, "figure": figure, "note": note, "link": list_address(label, query), "tone": tone}


def _fleet() -> Iterator[Card]:
    since = timezone.now() - SILENT
    standing = dict(Device.objects.order_by().values_list("standing").annotate(number=Count("pk")))
    active = standing.get(Standing.ACTIVE, 0)
    here = Presence.objects.filter(
        installation__device__standing=Standing.ACTIVE, installation__device__deleted_at__isnull=True
    ).aggregate(
        seen=Count("installation__device", filter=Q(last_seen_at__gte=since), distinct=True),
        queue=Sum("queue_depth", default=0),
    )
    others = sum(standing.values()) - active
    yield _card(
        "Active devices",
        f"{active:,}",
        f"{here['seen']:,} seen in the last 24 h" + (f", {others:,} not active" if others else ""),
        "devices.device",
        "standing__exact=active",
    )
    silent = active - here["seen"]
    yield _card(
        "Silent devices",
        f"{silent:,}",
        "active, not seen for 24 h",
        "devices.device",
        "standing__exact=active&seen=silent",
        tone="warning" if silent else "",
    )
    yield _card("Queued on devices", f"{here['queue']:,}", "operations not yet pushed", "devices.device", "seen=queue")


def _catalogue() -> Iterator[Card]:
    found = Product.objects.aggregate(every=Count("pk"), active=Count("pk", filter=Q(is_active=True)))
    yield _card("Products", f"{found['every']:,}", f"{found['active']:,} active", "inventory.product")


def _levels() -> Iterator[Card]:
    negative = StockLevel.objects.filter(quantity__lt=0).count()
    note = "buckets below zero: look at them" if negative else "no bucket is below zero"
    tone = "danger" if negative else ""
    yield _card("Negative stock", f"{negative:,}", note, "inventory.stocklevel", "sign=negative", tone=tone)


def _alerts() -> Iterator[Card]:
    found = Alert.objects.standing().aggregate(
        every=Count("pk"), open=Count("pk", filter=Q(state=Alert.State.OPEN)), devices=Count("device", distinct=True)
    )
    note = f"{found['every']:,} with acknowledged and snoozed, on {counted(found['devices'], 'device')}"
    tone = "warning" if found["open"] else ""
    yield _card("Open alerts", f"{found['open']:,}", note, "inventory.alert", "state=open", tone=tone)


def _tasks() -> Iterator[Card]:
    late_ones = Q(due_date__lt=timezone.localdate())
    found = Task.objects.filter(completed=False).aggregate(every=Count("pk"), late=Count("pk", filter=late_ones))
    tone = "warning" if found["late"] else ""
    note = f"{found['late']:,} overdue"
    yield _card("Open tasks", f"{found['every']:,}", note, "inventory.task", "completed__exact=0", tone=tone)


def _jobs() -> Iterator[Card]:
    status = dict(Job.objects.order_by().values_list("status").annotate(number=Count("pk")))
    failed = status.get(Job.Status.FAILED, 0)
    yield _card(
        "Failed jobs",
        f"{failed:,}",
        f"{status.get(Job.Status.RUNNING, 0):,} running, {status.get(Job.Status.QUEUED, 0):,} queued",
        "inventory.job",
        "status__exact=failed" if failed else "",
        tone="danger" if failed else "",
    )
    proof = Job.objects.filter(kind="ledger_proof").order_by("-id").first()
    yield _proof_card(proof)


def _proof_card(proof: Job | None) -> Card:
    query = "kind__icontains=ledger_proof"
    if proof is None:
        return _card("Ledger proof", "not yet", "runs once a day", "inventory.job", query)
    when = f"{timesince(proof.finished_at or proof.created_at, depth=1)} ago"
    found, tone = proof_verdict(proof)
    tone = "danger" if proof.status == Job.Status.FAILED else tone
    said = found or proof.get_status_display()
    return _card("Ledger proof", said, proof.message or when, "inventory.job", query, tone=tone)


def _ledger() -> dict[str, Any]:
    """Movements per day by when they happened; the index by device and time holds all that is asked for."""
    days = [timezone.localdate() - timedelta(days=back) for back in reversed(range(DAYS))]
    starts = [timezone.make_aware(datetime.combine(day, time.min)) for day in days]
    starts.append(timezone.make_aware(datetime.combine(days[-1] + timedelta(days=1), time.min)))
    rows = StockMovement.all_objects.filter(
        device__in=Device.all_objects.values("pk"), occurred_at__gte=starts[0], occurred_at__lt=starts[-1]
    )
    counts = rows.aggregate(
        **{
            f"day{n}": Count("pk", filter=Q(occurred_at__gte=starts[n], occurred_at__lt=starts[n + 1]))
            for n in range(DAYS)
        }
    )
    numbers = [counts[f"day{n}"] for n in range(DAYS)]
    chart = {
        "labels": [f"{day:%a} {day.day} {day:%b}" for day in days],
        "datasets": [
            {
                "label": "Movements",
                "data": numbers,
                "backgroundColor": "var(--color-primary-600)",
                "maxBarThickness": 24,
                "borderRadius": 4,
                "displayYAxis": True,
                "maxTicksXLimit": DAYS,
            }
        ],
    }
    return {
        "chart": json.dumps(chart),
        "movements_today": numbers[-1],
        "movements_sum": sum(numbers),
        "movements_link": list_address("inventory.stockmovement"),
        "days": DAYS,
    }


def _cases(request: HttpRequest) -> list[dict[str, Any]]:
    found = sorted(open_cases(request).items(), key=lambda pair: -pair[1])
    names: dict[str, str] = dict(Case.Kind.choices)
    return [
        {"name": names[kind], "number": number, "link": list_address("inventory.case", f"kind__exact={kind}")}
        for kind, number in found
    ]
