"""People: made, changed, given a password, deleted; and the first administrator of a new server."""

from __future__ import annotations

import secrets
from typing import Any

from django.apps import apps
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from config.core.errors import FieldProblem
from devices.actors import Actor, system
from devices.errors import PasswordTooWeak, UserInUse, UsernameTaken
from devices.models import User
from devices.services.owned import writable
from devices.services.rights import refuse_beyond_own, refuse_last_administrator, rights_of
from devices.services.server_rows import (
    change_row,
    delete_row,
    insert_row,
    lock_row,
    record_server_event,
)

FIRST_ADMIN = "admin"
PROFILE = frozenset({"first_name", "last_name", "email"})
PLAIN = PROFILE | {"username", "is_active", "is_staff", "is_superuser"}
RIGHTS = frozenset({"groups", "user_permissions"})
TAKEN = ("username", UsernameTaken)


@transaction.atomic
def create_first_admin() -> str | None:
    """Create the superuser `admin` on a new server and return the password; None where a superuser exists."""
    if User.objects.filter(is_superuser=True).exists():
        return None
    password = secrets.token_urlsafe(12)
    create_user(actor=system("first_admin"), username=FIRST_ADMIN, password=password, is_staff=True, is_superuser=True)
    return password


@transaction.atomic
def create_user(*, actor: Actor, username: str, password: str, **values: Any) -> User:
    """Create a person. `groups` and `user_permissions` are lists of rows.

    Raises UsernameTaken, EmailTaken, PasswordTooWeak, BeyondOwnRights, Invalid.
    """
    given = writable(values, PLAIN | RIGHTS)
    many = {name: list(given.pop(name, ())) for name in RIGHTS}
    rights = rights_of(groups=many["groups"], permissions=many["user_permissions"])
    refuse_beyond_own(actor, rights=rights, superuser=bool(given.get("is_superuser")))
    user = User(username=User.normalize_username(username), **given)
    _refuse_weak_password(password, user)
    user.set_password(password)
    return insert_row(user, actor=actor, fields=sorted(PLAIN), many=many, taken=TAKEN)


@transaction.atomic
def update_user(user: User, *, actor: Actor, changes: dict[str, Any], expected_revision: int | None = None) -> User:
    """Change a person's names, address, standing or rights; deactivating ends what they are signed in to.

    Raises UsernameTaken, EmailTaken, BeyondOwnRights, LastAdministrator, PreconditionFailed, Invalid.
    """
    current = lock_row(user, expected_revision=expected_revision)
    values = writable(changes, PLAIN | RIGHTS)
    if "username" in values:
        values["username"] = User.normalize_username(values["username"])
    rights = rights_of(current, groups=values.get("groups", ()), permissions=values.get("user_permissions", ()))
    refuse_beyond_own(actor, rights=rights, superuser=current.is_superuser or bool(values.get("is_superuser")))
    refuse_last_administrator(current, values)
    return change_row(current, actor=actor, changes=values, taken=TAKEN)


@transaction.atomic
def update_profile(user: User, *, actor: Actor, changes: dict[str, Any]) -> User:
    """Change one's own first_name, last_name or email; other names are a programming error. Raises EmailTaken."""
    return change_row(lock_row(user), actor=actor, changes=writable(changes, PROFILE))


@transaction.atomic
def set_password(user: User, *, actor: Actor, password: str) -> User:
    """Give a person a new password. Every session and refresh token of theirs ends.

    Raises PasswordTooWeak, BeyondOwnRights (one's own password is always one's own).
    """
    current = lock_row(user)
    if actor.id != str(current.uuid):
        refuse_beyond_own(actor, rights=rights_of(current), superuser=current.is_superuser)
    _refuse_weak_password(password, current)
    current.set_password(password)
    current.save(update_fields=["password"])
    _end_refresh_tokens(current)
    record_server_event(current, actor=actor, action="password_set")
    return current


@transaction.atomic
def delete_user(user: User, *, actor: Actor) -> None:
    """Remove a person for good; what they did stays in the events.

    Raises UserInUse where they own devices or codes, BeyondOwnRights, LastAdministrator.
    """
    current = lock_row(user)
    refuse_beyond_own(actor, rights=rights_of(current), superuser=current.is_superuser)
    refuse_last_administrator(current, {"is_active": False})
    _end_refresh_tokens(current)
    try:
        delete_row(current, actor=actor)
    except ProtectedError:
        raise UserInUse from None


def _refuse_weak_password(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        said = " ".join(error.messages)
        raise PasswordTooWeak(said, errors=[FieldProblem("password", PasswordTooWeak.internal_code, said)]) from None


def _end_refresh_tokens(user: User) -> None:
    """Access tokens end by themselves within minutes; sessions end with the password they were opened with."""
    outstanding = apps.get_model("token_blacklist", "OutstandingToken")._default_manager
    ended = apps.get_model("token_blacklist", "BlacklistedToken")
    alive = outstanding.filter(user=user, blacklistedtoken__isnull=True)
    ended._default_manager.bulk_create([ended(token=token) for token in alive], ignore_conflicts=True)
