"""Signatures as https://www.standardwebhooks.com asks for them: HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"


def new_secret() -> str:
    """`whsec_` and 32 random bytes as base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signed_headers(*, id: str, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers of a delivery; one signature for each secret that counts now."""
    seconds = int(at.timestamp())
    return {
        "webhook-id": id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(key, f"{id}.{seconds}.".encode() + body) for key in keys),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
