"""Registers the admin pages of devices, people, events and schedules."""

from devices.admin import (
    devices,
    enrollment_codes,
    events,
    groups,
    installations,
    passwords,
    schedules,
    server_events,
    timings,
    users,
)

__all__ = [
    "devices",
    "enrollment_codes",
    "events",
    "groups",
    "installations",
    "passwords",
    "schedules",
    "server_events",
    "timings",
    "users",
]
