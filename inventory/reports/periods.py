"""Periods by name, as a report that is made again and again asks for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from django.utils import timezone

DAY = timedelta(days=1)


def _month(today: date, back: int) -> date:
    """The first day of the month so many months ago."""
    number = today.year * 12 + today.month - 1 - back
    return date(number // 12, number % 12 + 1, 1)


def _monday(today: date) -> date:
    return today - today.weekday() * DAY


def _quarter(today: date, back: int) -> date:
    return _month(today, (today.month - 1) % 3 + 3 * back)


PERIODS: dict[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (today - DAY, today - DAY),
    "last_7_days": lambda today: (today - 7 * DAY, today - DAY),
    "last_30_days": lambda today: (today - 30 * DAY, today - DAY),
    "this_week": lambda today: (_monday(today), today),
    "last_week": lambda today: (_monday(today) - 7 * DAY, _monday(today) - DAY),
    "this_month": lambda today: (_month(today, 0), today),
    "last_month": lambda today: (_month(today, 1), _month(today, 0) - DAY),
    "last_quarter": lambda today: (_quarter(today, 1), _quarter(today, 0) - DAY),
    "this_year": lambda today: (date(today.year, 1, 1), today),
    "last_year": lambda today: (date(today.year - 1, 1, 1), date(today.year, 1, 1) - DAY),
}
"""Each: today → its first and its last day. Weeks begin on Monday; "last" ends before today."""


def moments_of(first: date, last: date) -> tuple[datetime, datetime]:
    """When the first day begins and when the day after the last one does, in the server's time zone."""
    zone = timezone.get_default_timezone()
    return datetime.combine(first, time.min, zone), datetime.combine(last + DAY, time.min, zone)
