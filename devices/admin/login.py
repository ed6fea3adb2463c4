"""The admin's sign-in, limited like the API's."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from unfold.forms import AuthenticationForm

from config.core.limits import count_sign_in


class LoginForm(AuthenticationForm):
    """Refuses too many tries before a password is looked at."""

    def clean(self) -> dict[str, Any]:
        count_sign_in(self.request, self.cleaned_data.get("username", ""))
        found: dict[str, Any] = super().clean()
        return found


admin.site.login_form = LoginForm
