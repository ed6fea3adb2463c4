"""The scheduler: settings seed schedules, the database has the last word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry


class Entry(ModelEntry):
    """Notes its runs without writing over what staff change meanwhile."""

    def save(self) -> None:
        PeriodicTask.objects.filter(pk=self.model.pk, enabled=True).update(
            last_run_at=self.model.last_run_at, total_run_count=self.model.total_run_count
        )


class SeedingScheduler(DatabaseScheduler):
    """At a start, only schedules that are missing are made: what staff changed in the admin stays."""

    Entry = Entry

    def install_default_entries(self, data: Any) -> None:
        """None: Celery's own entry cleans up results, which are never kept."""

    def update_from_dict(self, mapping: Mapping[str, Any]) -> None:
        known = set(PeriodicTask.objects.filter(name__in=mapping).values_list("name", flat=True))
        super().update_from_dict({name: entry for name, entry in mapping.items() if name not in known})
