"""Passwords in the admin: signing in, limited like the API's, and changing one's own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse_lazy
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget

from config.core.limits import count_sign_in
from devices.admin.staff import staff_actor
from devices.services.accounts import set_password


class LoginForm(AuthenticationForm):
    """Refuses too many tries before a password is looked at."""

    def clean(self) -> dict[str, Any]:
        count_sign_in(self.request, self.cleaned_data.get("username", ""))
        found: dict[str, Any] = super().clean()
        return found


class TwoPasswordsForm(forms.Form):
    """A new password, typed twice; the service judges it."""

    password = forms.CharField(
        label="Password", strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label="Once more", strip=False, widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    )

    def clean(self) -> dict[str, Any]:
        found = dict(super().clean() or {})
        if found.get("password") != found.pop("again", None):
            self.add_error("again", "The two are not the same.")
        return found


class OwnPasswordView(PasswordChangeView):
    """One's own password, through the service that sets anybody's."""

    form_class = AdminOwnPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        password = form.cleaned_data["new_password1"]
        user: Any = self.request.user
        written = set_password(user, actor=staff_actor(self.request), password=password)
        update_session_auth_hash(self.request, written)  # this session goes on, the others end
        return HttpResponseRedirect(self.get_success_url())


def password_change(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
    """The site's page, which would write by itself."""
    context = {**admin.site.each_context(request), **(extra_context or {})}
    return OwnPasswordView.as_view(extra_context=context)(request)


admin.site.login_form = LoginForm
admin.site.password_change = password_change  # type: ignore[assignment]  # the site's own hook is a method
