"""People: the first administrator, and what users may change of themselves."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import transaction

from devices.models import User

FIRST_ADMIN = "admin"


@transaction.atomic
def create_first_admin() -> str | None:
    """Create the superuser `admin` on a new server and return the password; None where a superuser exists."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    User.objects.create_superuser(username=FIRST_ADMIN, password=password)
    return password


@transaction.atomic
def update_profile(user: User, changes: dict[str, Any]) -> User:
    """Change a user's own first_name, last_name or email; other names are a programming error."""
    unknown = set(changes) - {"first_name", "last_name", "email"}
    if unknown:
        raise ValueError(f"not a profile field: {sorted(unknown)}")
    current = User.objects.select_for_update().get(pk=user.pk)
    for name, value in changes.items():
        setattr(current, name, value)
    current.save(update_fields=list(changes))
    return current
