"""Retention: what is past its time goes, a little at a time; everything else stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

from devices.models import Device, EnrollmentCode, IdempotencyKey, User
from inventory.models import Job, WebhookDelivery
from inventory.services import retention
from inventory.services.jobs import request_job
from inventory.services.products import delete_product
from inventory.services.retention import EXPIRED, purge_some
from tests.factories import TESTER, make_product, make_webhook

LONG_AGO, RECENTLY = timedelta(days=91), timedelta(days=29)


def key(age: timedelta, name: str) -> None:
    IdempotencyKey.objects.create(
        actor="a", key=name, fingerprint="f", status=200, answer=b"", created_at=timezone.now() - age
    )


def code(name: str, **values: Any) -> None:
    values = {"expires_at": timezone.now() + timedelta(days=1), "max_uses": 1, **values}
    made = values.pop("created_at", timezone.now())
    row = EnrollmentCode.objects.create(code_hash=name, hint=name[:4], label=name, **values)
    EnrollmentCode.objects.filter(pk=row.pk).update(created_at=made)


def test_old_stored_answers_go(db: None) -> None:
    key(LONG_AGO, "old")
    key(RECENTLY, "young")
    assert purge_some("stored_answers") == 1
    assert IdempotencyKey.objects.get().key == "young"


def test_jobs_that_ended_long_ago_go(device: Device) -> None:
    now = timezone.now()
    for status in Job.Status.values:
        for age in (LONG_AGO, RECENTLY):
            job = request_job(kind="ledger_proof", actor=TESTER, device=device)
            Job.objects.filter(pk=job.pk).update(status=status, finished_at=now - age, created_at=now - LONG_AGO)
    assert purge_some("finished_jobs") == 4
    left = Job.objects.filter(finished_at__lt=now - LONG_AGO + timedelta(hours=1))
    assert set(left.values_list("status", flat=True)) == {"queued", "running"}
    assert Job.objects.count() == 8


def test_expired_sign_ins_go_with_their_blacklist_entries(user: User) -> None:
    for _ in range(2):
        RefreshToken.for_user(user).blacklist()
    old = OutstandingToken.objects.order_by("id")[0]
    OutstandingToken.objects.filter(pk=old.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert purge_some("expired_sign_ins") == 1
    assert OutstandingToken.objects.count() == 1
    assert BlacklistedToken.objects.count() == 1


def test_spent_codes_go(db: None) -> None:
    now = timezone.now()
    code("expired long ago", expires_at=now - LONG_AGO)
    code("expired", expires_at=now - RECENTLY)
    code("used long ago", used_count=1, created_at=now - LONG_AGO)
    code("used", used_count=1, created_at=now - RECENTLY)
    code("old and good", created_at=now - LONG_AGO)
    code("revoked long ago", revoked_at=now - LONG_AGO)
    code("revoked", revoked_at=now - RECENTLY)
    assert purge_some("spent_codes") == 3
    assert set(EnrollmentCode.objects.values_list("label", flat=True)) == {"expired", "used", "old and good", "revoked"}


def test_deliveries_that_ended_long_ago_go(device: Device) -> None:
    endpoint = make_webhook(device)
    for status in WebhookDelivery.Status.values:
        for age in (LONG_AGO, RECENTLY):
            WebhookDelivery.objects.create(
                endpoint=endpoint, event_type="ping", status=status, created_at=timezone.now() - age
            )
    assert purge_some("webhook_deliveries") == 2
    old = WebhookDelivery.objects.filter(created_at__lt=timezone.now() - timedelta(days=90))
    assert [row.status for row in old] == ["waiting"]


@pytest.mark.parametrize("name", EXPIRED)
def test_nothing_to_remove_is_zero(db: None, name: str) -> None:
    assert purge_some(name) == 0


def test_the_job_removes_all_of_it_in_short_steps(
    device: Device, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    deleted = delete_product(make_product(device), actor=TESTER)
    for number in range(5):
        key(LONG_AGO, str(number))
    code("old", expires_at=timezone.now() - LONG_AGO)
    with django_capture_on_commit_callbacks(execute=True):
        job = request_job(kind="retention", actor=TESTER)
    job.refresh_from_db()
    assert (job.status, job.done) == (Job.Status.SUCCEEDED, 6)
    removed = {"stored_answers": 5, "spent_codes": 1}
    # Files that other tests stored grow old enough to be orphans while the suite goes on.
    assert {name: count for name, count in job.result.items() if count and name != "orphans"} == removed
    assert set(job.result) == {*EXPIRED, "files", "orphans", "synced"}
    assert not IdempotencyKey.objects.exists()
    deleted.refresh_from_db()  # a young tombstone stays: devices must still learn of it
    assert deleted.is_deleted


def test_a_step_is_bounded_and_takes_the_oldest(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    for number in range(3):
        key(LONG_AGO, str(number))
    assert purge_some("stored_answers") == 2
    assert IdempotencyKey.objects.get().key == "2"
