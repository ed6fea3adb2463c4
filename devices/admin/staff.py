"""The base of every admin page of ours: staff act, events are the history."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse

from config.core.admin import ServiceModelAdmin
from config.core.errors import AppError, PreconditionFailed
from devices.actors import Actor
from devices.admin.history import Entry, read_history
from devices.models import Event

PAGE = 50
HEADINGS = ("When", "Who", "What", "Changes", "Revision")


def staff_actor(request: HttpRequest) -> Actor:
    """Who acts in the admin."""
    user: Any = request.user
    request_id = str(getattr(request, "request_id", ""))
    return Actor(kind="staff", id=str(user.uuid), name=str(user), request_id=request_id)


class StaffAdmin(ServiceModelAdmin):
    """Services hear of a member of the staff; the History button shows events."""

    def actor_of(self, request: HttpRequest) -> Actor:
        return staff_actor(request)

    def events_about(self, row: Any) -> Any:
        """The events that the history page of a row shows, newest first."""
        return Event.objects.about(row)

    def events_since(self, row: Any, opened: int) -> Any:
        """Those of them that are newer than revision `opened`."""
        return self.events_about(row).filter(revision__gt=opened)

    def stale(self, row: Any, opened: int, error: AppError) -> AppError:
        """Say who changed what meanwhile; what was typed stays in the form."""
        told = [_told(entry) for entry in read_history(type(row), self.events_since(row, opened)[:5])]
        return PreconditionFailed(
            f"Somebody changed it while you were editing: {' · '.join(told) or 'its revision moved on'}. "
            "Your values are still below: save once more to put them on top, or open the page again to see theirs."
        )

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return super().history_view(request, object_id, extra_context)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        page = _page(request)
        events = list(self.events_about(row)[(page - 1) * PAGE : page * PAGE + 1]) if self.has_history else []
        context = {
            **self.admin_site.each_context(request),
            "title": f"History: {row}",
            "opts": self.opts,
            "original": row,
            "headings": HEADINGS if events and hasattr(events[0], "revision") else HEADINGS[:-1],
            "entries": read_history(self.model, events[:PAGE]),
            "page": page,
            "more": len(events) > PAGE,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/event_history.html", context)


def _told(entry: Entry) -> str:
    who = entry.event.actor_name or "somebody"
    changes = (f"{change.field}: {change.before or 'empty'} → {change.after or 'empty'}" for change in entry.changes)
    return "; ".join((f"{who} {entry.action} it at {entry.event.created_at:%H:%M:%S}", *changes))


def _page(request: HttpRequest) -> int:
    given = request.GET.get("p", "1")
    return max(1, int(given)) if given.isascii() and given.isdigit() and len(given) < 6 else 1  # noqa: PLR2004  # 99,999 pages
