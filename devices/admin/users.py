"""People: who signs in, what they may do, their passwords."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest

from config.core.display import column
from config.core.forms import ServiceForm
from config.core.row_actions import RowAction
from devices.actors import Actor
from devices.admin.owned import link_to_list
from devices.admin.passwords import TwoPasswordsForm
from devices.admin.rights import RightsAdmin
from devices.models import Device, User
from devices.services.accounts import create_user, delete_user, set_password, update_user


class NewUserForm(TwoPasswordsForm, ServiceForm):
    """A person and their first password."""


def set_active(user: User, *, actor: Actor, active: bool) -> User:
    """update_user of one field."""
    return update_user(user, actor=actor, changes={"is_active": active})


def _is_active(user: User) -> bool:
    return user.is_active


def _is_inactive(user: User) -> bool:
    return not user.is_active


@admin.register(User)
class UserAdmin(RightsAdmin):
    """People are made here; those who leave are deactivated, so that what they own stays theirs."""

    create_service = staticmethod(create_user)
    update_service = staticmethod(update_user)
    delete_service = staticmethod(delete_user)
    row_actions: ClassVar[Any] = (
        RowAction(
            "set_password", "Set a password", "Wherever they are signed in, they have to sign in again.", set_password,
            icon="key", answers=TwoPasswordsForm, bulk=False,
        ),
        RowAction(
            "deactivate", "Deactivate", "They cannot sign in any more; what they own and did stays.",
            partial(set_active, active=False), icon="person_off", danger=True, fits=_is_active,
        ),
        RowAction(
            "activate", "Activate", "They can sign in again.", partial(set_active, active=True),
            icon="person", fits=_is_inactive,
        ),
    )  # fmt: skip
    list_display = ("display_name", "email", "role", "is_active", "last_login", "device_list")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    readonly_fields = ("uuid", "last_login", "date_joined", "device_list")
    add_fieldsets = (
        (None, {"fields": ("username", ("password", "again"))}),
        ("Person", {"fields": (("first_name", "last_name"), "email")}),
        ("May", {"fields": ("is_staff", "is_superuser", "groups")}),
    )
    fieldsets = (
        (None, {"fields": ("username", ("first_name", "last_name"), "email", "device_list")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Kept by the server", {"fields": (("last_login", "date_joined"), "uuid"), "classes": ["collapse"]}),
    )

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = ServiceForm if obj is not None else NewUserForm
        return super().get_form(request, obj, change=change, **{**kwargs, "form": form})

    @column(description="User", ordering="username", header=True)
    def display_name(self, row: User) -> list[str]:
        return [row.get_full_name() or row.username, row.username if row.get_full_name() else ""]

    @column(description="Role", badges={"Superuser": "danger", "Staff": "info", "User": ""})
    def role(self, row: User) -> str:
        return "Superuser" if row.is_superuser else "Staff" if row.is_staff else "User"

    @column(description="Devices")
    def device_list(self, row: User) -> str:
        return link_to_list(Device, "Devices", owner__id__exact=row.pk)
