"""Retention: what may be removed for good, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from devices.models import Device, EnrollmentCode, IdempotencyKey
from inventory.models import Artifact, ImportSession, Job, Upload, WebhookDelivery
from inventory.services.stored_files import days_of, files_of_day, remove_file
from inventory.services.sync.horizon import purge_horizon

CHUNK = 500
SETTLED = timedelta(days=2)


def _stored_answers() -> models.QuerySet[Any]:
    return IdempotencyKey.objects.filter(created_at__lt=_days_ago(settings.IDEMPOTENCY_DAYS))


def _finished_jobs() -> models.QuerySet[Any]:
    ended: models.QuerySet[Any] = Job.objects.ended_before(_days_ago(settings.RETENTION_DAYS))
    return ended


def _expired_sign_ins() -> models.QuerySet[Any]:
    """Refresh tokens past their own expiry; a blacklist entry goes with its token, which is refused by age now."""
    return apps.get_model("token_blacklist", "OutstandingToken")._default_manager.filter(expires_at__lte=timezone.now())


def _spent_codes() -> models.QuerySet[Any]:
    """Enrollment codes that enrol nobody any more: used up, expired or revoked, and older than the limit."""
    then = _days_ago(settings.RETENTION_DAYS)
    used_up = models.Q(used_count__gte=models.F("max_uses"), created_at__lt=then)
    spent: models.QuerySet[Any] = EnrollmentCode.objects.filter(
        used_up | models.Q(expires_at__lt=then) | models.Q(revoked_at__lt=then)
    )
    return spent


def _ended_deliveries() -> models.QuerySet[Any]:
    then = _days_ago(settings.RETENTION_DAYS)
    ended: models.QuerySet[Any] = WebhookDelivery.objects.exclude(status=WebhookDelivery.Status.WAITING).filter(
        created_at__lt=then
    )
    return ended


def _old_imports() -> models.QuerySet[Any]:
    """Imports that nobody has touched for long, with what they noted of each line."""
    old: models.QuerySet[Any] = ImportSession.objects.filter(updated_at__lt=_days_ago(settings.RETENTION_DAYS))
    return old


# Tombstones go by device, see purge_synced(): the floor of each feed moves with them.
EXPIRED: Mapping[str, Callable[[], models.QuerySet[Any]]] = {
    "stored_answers": _stored_answers,
    "finished_jobs": _finished_jobs,
    "expired_sign_ins": _expired_sign_ins,
    "spent_codes": _spent_codes,
    "webhook_deliveries": _ended_deliveries,
    "old_imports": _old_imports,
}


@transaction.atomic
def purge_some(name: str) -> int:
    """Remove at most 500 expired rows of one sort, oldest first. Returns how many; 0 = none are left."""
    rows = EXPIRED[name]()
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    rows.model._default_manager.filter(pk__in=ids).delete()
    return len(ids)


def purge_synced(device: Device) -> int:
    """Remove some tombstones and verdicts of a device that are past the horizon. Returns how many; 0 = none left."""
    return purge_horizon(device=device, before=_days_ago(settings.RETENTION_DAYS), limit=CHUNK)


@transaction.atomic
def purge_files() -> int:
    """Remove at most 500 files of jobs that are past their time, and their rows. Returns how many; 0 = none left."""
    for model in (Artifact, Upload):
        rows = list(model.objects.expired().order_by("pk")[:CHUNK])
        if rows:
            model.objects.filter(pk__in=[row.pk for row in rows]).delete()
            for row in rows:
                transaction.on_commit(partial(remove_file, row.path))
            return len(rows)
    return 0


def purge_orphans() -> int:
    """Remove files without a row: of workers that lost their lease, of jobs that are gone. Returns how many.

    Only in folders of days that are over for long: what a worker is writing has no row yet.
    """
    removed = 0
    settled = (timezone.now() - SETTLED).date().isoformat()
    for folder, model in (("artifacts", Artifact), ("uploads", Upload)):
        for day in days_of(folder):
            if day >= settled:
                continue
            found = set(files_of_day(folder, day))
            known = set(model.objects.filter(path__startswith=f"{folder}/{day}/").values_list("path", flat=True))
            for path in sorted(found - known):
                remove_file(path)
            removed += len(found - known)
            if not found & known:
                remove_file(f"{folder}/{day}")
    return removed


def _days_ago(days: int) -> Any:
    return timezone.now() - timedelta(days=days)
