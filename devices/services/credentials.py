"""Secrets: made, hashed with a pepper, compared in constant time, rolled with overlap."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from uuid import UUID

from django.conf import settings
from django.db import transaction

from config.core.wire import uuid_of
from devices.actors import Actor
from devices.errors import SecretAlreadyUsed, SecretTooWeak
from devices.models import Installation
from devices.services.events import record_event
from devices.services.feed import next_revision, take_revisions

SECRET_BYTES = 32
MAX_SECRET = 512
MIN_LETTERS = 8  # different ones; 32 random bytes in base64url or hexadecimal practically always have more
BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
TYPED = str.maketrans("OIL", "011", "- ")  # what people type → what the alphabet has
CODE_LENGTH = 16  # 80 bits


def new_secret() -> str:
    """32 random bytes, base64url."""
    return secrets.token_urlsafe(SECRET_BYTES)


def new_code() -> str:
    """An enrollment code that people can type: XXXX-XXXX-XXXX-XXXX."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    return "-".join(letters[start : start + 4] for start in range(0, CODE_LENGTH, 4))


def clean_code(code: str) -> str:
    """A code as typed → as hashed: upper case, without dashes and spaces, O/I/L read as 0/1/1."""
    return code.upper().translate(TYPED)


def refuse_weak_secret(secret: str) -> str:
    """The client's own secret, if it holds 32 bytes or more as base64url. Raises SecretTooWeak."""
    if len(secret) > MAX_SECRET or not BASE64URL.fullmatch(secret):
        raise SecretTooWeak("The secret is not base64url.")
    size = len(secret.rstrip("=")) * 6 // 8
    if size < SECRET_BYTES:
        raise SecretTooWeak(f"The secret has {size} bytes; {SECRET_BYTES} is the least.")
    if len(set(secret)) < MIN_LETTERS:
        raise SecretTooWeak("The secret is not random.")
    return secret


def pepper_id(pepper: str) -> str:
    """A short public name of a pepper, stored with each hash so that peppers can be rotated."""
    return hashlib.sha256(pepper.encode()).hexdigest()[:8]


def _hash(secret: str, pepper: str) -> str:
    digest = hmac.new(pepper.encode(), secret.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()
    return f"{pepper_id(pepper)}:{digest}"


def hash_secret(secret: str) -> str:
    """`<pepper id>:<HMAC-SHA256(pepper, secret)>` under the current pepper."""
    return _hash(secret, settings.TOKEN_PEPPERS[0])


def possible_hashes(secret: str) -> list[str]:
    """The secret's hash under every listed pepper, the current one first."""
    return [_hash(secret, pepper) for pepper in settings.TOKEN_PEPPERS]


def holds(installation: Installation | None, hashes: list[str]) -> bool:
    """Whether one of `hashes` is the installation's, in constant time, also against nobody."""
    stored = [installation.secret_hash, installation.next_secret_hash or ""] if installation else ["", ""]
    found = False
    for known in stored:
        for given in hashes:
            found |= hmac.compare_digest(known or "0" * len(given), given)
    return found


def split_token(token: str) -> tuple[UUID, str] | None:
    """`<installation id>.<secret>` → its parts, or None."""
    head, dot, secret = token.partition(".")
    uuid = uuid_of(head)
    return (uuid, secret) if uuid and dot and secret and len(token) <= MAX_SECRET + 40 else None


def token_of(installation: Installation, secret: str) -> str:
    """The device token: shown once, never stored."""
    return f"{installation.uuid}.{secret}"


@transaction.atomic
def roll_secret(*, installation: Installation, actor: Actor, secret: str | None = None) -> str:
    """Give the installation a new secret; the old one works until the new one is first used.

    Repeating with the same `secret` gives the same answer. Returns the new device token.
    Raises SecretTooWeak, SecretAlreadyUsed.
    """
    chosen = refuse_weak_secret(secret) if secret else new_secret()
    device = installation.device
    take_revisions(device, 0)
    current = Installation.objects.select_for_update().get(pk=installation.pk)
    hashes = possible_hashes(chosen)
    if holds(current, hashes):
        return token_of(current, chosen)
    if secret_is_taken(hashes):
        raise SecretAlreadyUsed
    current.next_secret_hash = hashes[0]
    current.save(update_fields=["next_secret_hash"])
    device.revision = next_revision(device)
    device.save(update_fields=["revision", "updated_at"])
    record_event(device, actor=actor, action="secret_rolled", changes={"installation": (None, current.uuid)})
    return token_of(current, chosen)


def secret_is_taken(hashes: list[str]) -> bool:
    """Whether any installation has this secret, under any pepper."""
    used = Installation.objects.filter(secret_hash__in=hashes) | Installation.objects.filter(
        next_secret_hash__in=hashes
    )
    return used.exists()


def finish_roll(installation: Installation, hashes: list[str]) -> None:
    """At the first use of a rolled secret, the old one ends; a hash under an old pepper is renewed."""
    if installation.next_secret_hash in hashes:
        Installation.objects.filter(pk=installation.pk, next_secret_hash=installation.next_secret_hash).update(
            secret_hash=hashes[0], next_secret_hash=None
        )
    elif installation.secret_hash != hashes[0]:
        Installation.objects.filter(pk=installation.pk, secret_hash=installation.secret_hash).update(
            secret_hash=hashes[0]
        )
