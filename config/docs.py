"""The page that the `type` of every problem points to."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from config.core.constraints import every_error


def errors_page(request: HttpRequest) -> HttpResponse:
    """Every internal_code with its status, meaning and what to do: the content of docs/errors.md."""
    ordered = sorted(set(every_error()), key=lambda error: (error.status, error.internal_code))
    return render(request, "errors.html", {"errors": ordered})
