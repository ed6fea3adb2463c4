"""Print labels: an action on lists whose rows may get one."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.shortcuts import redirect
from django.urls import reverse

from config.core.row_actions import MOST_ROWS


class PrintsLabels:
    """Mixed into an admin page: the chosen rows are handed to the page that asks for the sheet."""

    label_kind: ClassVar[str] = ""

    def get_actions(self, request: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]  # mixed into ServiceModelAdmin
        if "_popup" in request.GET:
            return found
        return {**found, "print_labels": (print_labels, "print_labels", "Print labels …")}


def print_labels(model_admin: Any, request: Any, queryset: Any) -> Any:
    """The page named by settings.LABEL_PAGE, with the rows' keys."""
    keys = list(queryset.values_list("pk", flat=True)[: MOST_ROWS + 1])
    if len(keys) > MOST_ROWS:
        messages.error(request, f"Choose at most {MOST_ROWS} at a time.")
        return None
    query = urlencode({"what": model_admin.label_kind, "rows": ",".join(map(str, keys))})
    return redirect(f"{reverse(settings.LABEL_PAGE)}?{query}")
