"""Limits: how often a caller may try something in a window; small counters, atomic in a shared cache."""

from __future__ import annotations

import hashlib
import time
from ipaddress import IPv6Network, ip_address
from math import ceil
from typing import Any

from django.conf import settings
from django.core.cache import cache

from config.core.errors import TooManyRequests
from config.core.middleware import client_address

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def neighbourhood(request: Any) -> str:
    """What is limited as one caller: an IPv4 address, or the /64 of an IPv6 one, which one host has whole."""
    address = client_address(request)
    if ":" not in address:
        return address
    return str(IPv6Network((ip_address(address).packed, 64), strict=False).network_address)


def rate(scope: str) -> tuple[int, int]:
    """(how many, per how many seconds), as the setting "n/min" of a scope says."""
    rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    many, _, period = str(rates[scope]).partition("/")
    return int(many), SECONDS[period[0]]


def tally(scope: str, who: str) -> int:
    """Count one more in this window; how many there are now. 0 where the window ended between two looks."""
    _, seconds = rate(scope)
    key = f"throttle:{scope}:{who}:{int(time.time()) // seconds}"
    cache.add(key, 0, timeout=seconds)
    try:
        return cache.incr(key)
    except ValueError:
        return 0


def window_left(scope: str) -> float:
    """Seconds until the window of a scope ends."""
    _, seconds = rate(scope)
    return seconds - time.time() % seconds


def count_wrong_token(request: Any, token: str) -> None:
    """Count one wrong token of this address. Raises TooManyRequests for one too many.

    An address may send so many different ones, and each of them so often: a handset that repeats a token which
    ended does not use up what its neighbours behind the same address have. Right tokens are never counted.
    """
    who, (many, _) = neighbourhood(request), rate("unauthorized")
    repeated = tally("unauthorized", f"{who}:{_short(token)}")
    if repeated > many or (repeated <= 1 and tally("unauthorized", who) > many):
        raise _too_many("unauthorized", "wrong tokens")


def count_sign_in(request: Any, name: str) -> None:
    """Count one try of a name and a password at this address, before the password is looked at.

    Raises TooManyRequests. By address, and by name at that address: never by name alone, which would let anyone
    lock anyone out from everywhere.
    """
    who = neighbourhood(request)
    for scope, key in (("sign_in_name", f"{who}:{_short(name)}"), ("sign_in", who)):
        if tally(scope, key) > rate(scope)[0]:
            raise _too_many(scope, "tries to sign in")


def _short(text: str) -> str:
    """A secret or a name as part of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _too_many(scope: str, what: str) -> TooManyRequests:
    seconds = str(max(1, ceil(window_left(scope))))
    return TooManyRequests(f"Too many {what}; try again in {seconds} seconds.", headers={"Retry-After": seconds})
