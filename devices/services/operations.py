"""Idempotency-Key: the answer of a POST is stored in the transaction of its effect (PROTOCOL §8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection, transaction

from devices.actors import Actor
from devices.errors import IdempotencyKeyInUse, IdempotencyKeyMalformed, IdempotencyKeyReused
from devices.models import IdempotencyKey

KEY = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: status, the JSON body as bytes, ETag and Location if any; `replayed` the second time."""

    status: int
    body: bytes
    etag: str = ""
    location: str = ""
    replayed: bool = False


def fingerprint(method: str, path: str, body: bytes) -> str:
    """SHA-256 over method, path with query, and body."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode("utf-8", "surrogateescape"), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


@transaction.atomic
def answer_once(*, actor: Actor, scope: str, key: str, print_: str, run: Callable[[], Answer]) -> Answer:
    """Run once per actor, scope (the device) and key; a repetition gets the stored answer, errors are not stored.

    The scope is needed: two devices may have installations with the same id, and a user may have two devices.

    An exception of `run` rolls everything back, the key included, so nothing outlives a dead process.
    Raises IdempotencyKeyMalformed, IdempotencyKeyReused, IdempotencyKeyInUse.
    """
    if not KEY.fullmatch(key):
        raise IdempotencyKeyMalformed
    owner = f"{actor.key}@{scope}"
    _lock_or_refuse(f"{owner}\n{key}")
    stored = IdempotencyKey.objects.filter(actor=owner, key=key).first()
    if stored is not None:
        if stored.fingerprint != print_:
            raise IdempotencyKeyReused
        return Answer(stored.status, bytes(stored.answer), stored.etag, stored.location, replayed=True)
    answer = run()
    IdempotencyKey.objects.create(
        actor=owner,
        key=key,
        fingerprint=print_,
        status=answer.status,
        answer=answer.body,
        etag=answer.etag,
        location=answer.location,
    )
    return answer


def _lock_or_refuse(name: str) -> None:
    """PostgreSQL: a lock that ends with the transaction. SQLite has one writer at a time already."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if not (row and row[0]):
        raise IdempotencyKeyInUse(headers={"Retry-After": "1"})
