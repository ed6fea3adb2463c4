"""The first administrator, and what a person may change."""

from __future__ import annotations

import pytest

from devices.models import User
from devices.services.accounts import FIRST_ADMIN, create_first_admin, update_profile


def test_the_first_administrator_is_made_once(db: None) -> None:
    password = create_first_admin()
    assert password
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.is_staff) == (FIRST_ADMIN, True, True)
    assert admin.check_password(password)
    assert create_first_admin() is None
    assert User.objects.count() == 1
    assert str(admin) == "admin"


def test_other_names_are_a_programming_error(user: User) -> None:
    with pytest.raises(ValueError, match="is_staff"):
        update_profile(user, {"is_staff": True})
    user.refresh_from_db()
    assert not user.is_staff
    assert str(update_profile(user, {"first_name": "Ada", "last_name": "Lovelace"})) == "Ada Lovelace"
