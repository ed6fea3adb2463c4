"""People and their groups: Django's own forms in our look."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.core.display import column
from devices.admin.owned import link_to_list
from devices.models import Device, User

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]  # generic only in the stubs
    """People who sign in; the framework's own page is their one write path, with Django's log as history."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("display_name", "email", "role", "is_active", "last_login", "device_list")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    list_per_page = 50
    show_full_result_count = False
    ordering = ("username",)
    readonly_fields = ("uuid", "password_link", "last_login", "date_joined", "device_list")
    fieldsets = (
        (None, {"fields": (("username", "password_link"),)}),
        ("Person", {"fields": (("first_name", "last_name"), "email", "device_list")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Kept by the server", {"fields": (("last_login", "date_joined"), "uuid"), "classes": ["collapse"]}),
    )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Permissions with their content types at once, as Django's own group page has them."""
        if db_field.name == "user_permissions":
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @column(description="User", ordering="username", header=True)
    def display_name(self, row: User) -> list[str]:
        return [row.get_full_name() or row.username, row.username if row.get_full_name() else ""]

    @column(description="Role", badges={"Superuser": "danger", "Staff": "info", "User": ""})
    def role(self, row: User) -> str:
        return "Superuser" if row.is_superuser else "Staff" if row.is_staff else "User"

    @column(description="Password")
    def password_link(self, row: User) -> str:
        """Instead of the hash, of which no part is shown."""
        classes = "text-primary-600 hover:underline dark:text-primary-500"
        address = reverse("admin:auth_user_password_change", args=(row.pk,))
        return format_html('<a href="{}" class="{}">Set a new password</a>', address, classes)

    @column(description="Devices")
    def device_list(self, row: User) -> str:
        return link_to_list(Device, "Devices", owner__id__exact=row.pk)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Roles: sets of permissions."""
