"""Limits: per device or user, per address for registration and sign-in, and for failed tokens."""

from __future__ import annotations

import time
from ipaddress import IPv6Network, ip_address
from math import ceil
from typing import Any, ClassVar

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.core.errors import TooManyRequests
from config.core.middleware import client_address
from devices.models import Installation

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def neighbourhood(address: str) -> str:
    """What is limited as one caller: an IPv4 address, or the /64 of an IPv6 one, which one host has whole."""
    if ":" not in address:
        return address
    return str(IPv6Network((ip_address(address).packed, 64), strict=False).network_address)


class WindowThrottle(BaseThrottle):
    """At most `n` a window (setting "n/min"): one counter per key and window, atomic in a shared cache."""

    scope: ClassVar[str]

    def identify(self, request: Request) -> str:
        return neighbourhood(client_address(request))

    def rate(self) -> tuple[int, int]:
        """(how many, per how many seconds)."""
        rates: Any = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
        many, _, period = str(rates[self.scope]).partition("/")
        return int(many), SECONDS[period[0]]

    def _key(self, request: Request, seconds: int) -> str:
        return f"throttle:{self.scope}:{self.identify(request)}:{int(time.time()) // seconds}"

    def allow_request(self, request: Request, view: Any) -> bool:
        many, seconds = self.rate()
        key = self._key(request, seconds)
        cache.add(key, 0, timeout=seconds)
        try:
            return cache.incr(key) <= many
        except ValueError:  # the window ended between the two calls
            return True

    def wait(self) -> float:
        _, seconds = self.rate()
        return seconds - time.time() % seconds


class CallerThrottle(WindowThrottle):
    """One budget per device (all its installations together) or user."""

    scope = "caller"

    def identify(self, request: Request) -> str:
        caller: Any = request.user
        if isinstance(caller, Installation):
            return f"device:{caller.device_id}"
        return f"user:{caller.pk}" if caller is not None else super().identify(request)


class RegisterThrottle(WindowThrottle):
    """Registrations per address."""

    scope = "register"


class SignInThrottle(WindowThrottle):
    """Sign-ins and refreshes per address."""

    scope = "sign_in"


class GuessThrottle(WindowThrottle):
    """Wrong tokens per address; never per device id, which would lock the victim out."""

    scope = "unauthorized"

    def is_spent(self, request: Request) -> bool:
        """Whether the address has used up its wrong guesses; counts nothing."""
        many, seconds = self.rate()
        return int(cache.get(self._key(request, seconds), 0)) >= many


def refuse_guessing(request: Request) -> None:
    """Raise TooManyRequests for an address that has sent too many wrong tokens."""
    throttle = GuessThrottle()
    if throttle.is_spent(request):
        seconds = str(max(1, ceil(throttle.wait())))
        raise TooManyRequests(
            f"Too many wrong tokens; try again in {seconds} seconds.", headers={"Retry-After": seconds}
        )


def count_guess(request: Request) -> None:
    """Count one wrong token of this address."""
    GuessThrottle().allow_request(request, None)
