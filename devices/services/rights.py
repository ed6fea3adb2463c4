"""Rights: nobody gives away, or takes over, more than they hold themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

from devices.actors import Actor
from devices.errors import BeyondOwnRights, LastAdministrator
from devices.models import User


def rights_of(
    user: User | None = None, *, groups: Iterable[Group] = (), permissions: Iterable[Permission] = ()
) -> set[int]:
    """Permissions, by number: of a person (also an inactive one), of groups, and single ones."""
    wanted = Q(group__in=list(groups)) | Q(pk__in=[permission.pk for permission in permissions])
    if user is not None:
        wanted |= Q(user=user) | Q(group__user=user)
    return set(Permission.objects.filter(wanted).values_list("pk", flat=True))


def refuse_beyond_own(actor: Actor, *, rights: set[int], superuser: bool = False) -> None:
    """Raise BeyondOwnRights where a member of the staff lacks what they would give, or what the other one holds.

    A superuser may do everything, and so may a command: who runs it owns the server.
    """
    if actor.kind != "staff":
        return
    by: User | None = User.objects.filter(uuid=actor.id, is_active=True).first()
    if by is not None and by.is_superuser:
        return
    if by is None or superuser or not rights <= rights_of(by):
        raise BeyondOwnRights


def refuse_last_administrator(user: User, changes: dict[str, Any]) -> None:
    """Raise LastAdministrator where `changes` would leave the server without an active superuser."""
    is_one = user.is_superuser and user.is_active
    stays_one = changes.get("is_superuser", True) and changes.get("is_active", True)
    if not is_one or stays_one:
        return
    others = User.objects.select_for_update().filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if not list(others.values_list("pk", flat=True)):
        raise LastAdministrator
