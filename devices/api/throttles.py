"""Limits of the API: per device or user, and per address for registrations."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.core.limits import neighbourhood, rate, tally, window_left
from devices.models import Installation


class WindowThrottle(BaseThrottle):
    """At most `n` a window (setting "n/min")."""

    scope: ClassVar[str]

    def identify(self, request: Request) -> str:
        return neighbourhood(request)

    def allow_request(self, request: Request, view: Any) -> bool:
        return tally(self.scope, self.identify(request)) <= rate(self.scope)[0]

    def wait(self) -> float:
        return window_left(self.scope)


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
