"""Find what an operator names on the command line."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from devices.models import Device, User


def find_device(text: str) -> Device:
    """The device with this id. Raises CommandError."""
    try:
        found: Device | None = Device.objects.filter(uuid=UUID(text)).first()
    except ValueError:
        raise CommandError(f"{text!r} is not a device id; `manage.py device list` shows them.") from None
    if found is None:
        raise CommandError(f"There is no device {text}; `manage.py device list` shows them.")
    return found


def find_user(username: str) -> User:
    """The user with this name. Raises CommandError."""
    found: User | None = User.objects.filter(username=username).first()
    if found is None:
        raise CommandError(f"There is no user {username!r}.")
    return found
