"""Registers the admin pages of devices, people, events and schedules."""

from devices.admin import devices, enrollment_codes, events, installations, login, schedules, users

__all__ = ["devices", "enrollment_codes", "events", "installations", "login", "schedules", "users"]
