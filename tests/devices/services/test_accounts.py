"""The first administrator, and what a person may change."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from config.core.errors import NotFound
from devices.models import ServerEvent, User
from devices.services.accounts import (
    FIRST_ADMIN,
    create_first_admin,
    delete_user,
    set_password,
    update_profile,
    update_user,
)
from tests import factories


def test_the_first_administrator_is_made_once(db: None) -> None:
    password = create_first_admin()
    assert password
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.is_staff) == (FIRST_ADMIN, True, True)
    assert admin.check_password(password)
    event = ServerEvent.objects.about(admin).get()
    assert (event.action, event.actor_id, event.object_name) == ("created", "first_admin", "admin")
    assert password not in str(event.changes)
    assert create_first_admin() is None
    assert User.objects.count() == 1
    assert str(admin) == "admin"


def test_other_names_are_a_programming_error(user: User) -> None:
    with pytest.raises(ValueError, match="is_staff"):
        update_profile(user, actor=factories.TESTER, changes={"is_staff": True})
    user.refresh_from_db()
    assert not user.is_staff
    written = update_profile(user, actor=factories.TESTER, changes={"first_name": "Ada", "last_name": "Lovelace"})
    assert str(written) == "Ada Lovelace"


def test_what_stays_the_same_is_not_recorded(user: User) -> None:
    group = Group.objects.create(name="Counters")
    user.groups.add(group)
    same = {"username": "ada", "is_active": True, "groups": [group]}
    assert update_user(user, actor=factories.TESTER, changes=same) == user
    assert not ServerEvent.objects.exists()


def test_somebody_who_is_gone_is_not_found(user: User) -> None:
    delete_user(user, actor=factories.TESTER)
    with pytest.raises(NotFound):
        set_password(user, actor=factories.TESTER, password="a long enough password 42")
    assert ServerEvent.objects.count() == 1
