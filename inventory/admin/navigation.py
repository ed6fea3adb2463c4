"""The sidebar: what the person may see, in five groups, and how many cases wait."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from inventory.models import Case
from inventory.services.cases import STILL_OPEN

# title, icon, the model whose sight is needed; and where it is not its list that is linked, the page.
GROUPS: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = (
    (
        "Fleet",
        (
            ("Devices", "smartphone", "devices.device"),
            ("Installations", "install_mobile", "devices.installation"),
            ("Enrollment codes", "qr_code_2", "devices.enrollmentcode"),
        ),
    ),
    (
        "Catalogue",
        (
            ("Products", "inventory_2", "inventory.product"),
            ("Barcodes", "barcode", "inventory.barcode"),
            ("Categories", "category", "inventory.category"),
            ("Locations", "warehouse", "inventory.location"),
            ("Lots and serials", "deployed_code_history", "inventory.lot"),
            ("Shared catalogue", "travel_explore", "inventory.catalogproduct"),
            ("Label templates", "label", "inventory.labeltemplate"),
        ),
    ),
    (
        "Stock",
        (
            ("Levels", "stacks", "inventory.stocklevel"),
            ("Movements", "swap_horiz", "inventory.stockmovement"),
        ),
    ),
    (
        "Counting",
        (
            ("Campaigns", "campaign", "inventory.campaign"),
            ("Stocktakes", "fact_check", "inventory.stocktake"),
            ("Count sheets", "assignment", "inventory.countsheet"),
            ("Lines", "rule", "inventory.stocktakeline"),
            ("Counts", "pin", "inventory.countentry"),
            ("Scans", "barcode_scanner", "inventory.scanevent"),
        ),
    ),
    (
        "Work",
        (
            ("Cases", "inbox", "inventory.case"),
            ("Alerts", "notifications", "inventory.alert"),
            ("Alert rules", "rule", "inventory.alertrule"),
            ("Tasks", "checklist", "inventory.task"),
            ("Imports", "upload_file", "inventory.importsession"),
            ("Jobs", "manufacturing", "inventory.job"),
            ("Reports", "summarize", "inventory.job", "reports"),
            ("Exports", "archive", "inventory.job", "exports"),
            ("Recurring", "event_repeat", "django_celery_beat.periodictask", "inventory_job_recurring"),
            ("Print labels", "print", "inventory.job", "labels"),
        ),
    ),
    (
        "Integration",
        (
            ("Import mappings", "bookmark", "inventory.importprofile"),
            ("Webhooks", "webhook", "inventory.webhookendpoint"),
            ("Deliveries", "outgoing_mail", "inventory.webhookdelivery"),
            ("Alert e-mails", "mark_email_unread", "inventory.alertmail"),
        ),
    ),
    (
        "System",
        (
            ("Events", "history", "devices.event"),
            ("Server events", "policy", "devices.serverevent"),
            ("Users", "person", "devices.user"),
            ("Groups", "group", "auth.group"),
            ("Schedules", "schedule", "django_celery_beat.periodictask"),
        ),
    ),
)


def open_cases(request: HttpRequest) -> dict[str, int]:
    """How many cases wait, by kind; read once per request."""
    found: dict[str, int] | None = getattr(request, "open_cases", None)
    if found is None:
        rows = Case.objects.filter(state__in=STILL_OPEN).order_by().values_list("kind").annotate(number=Count("pk"))
        found = dict(rows)
        request.open_cases = found  # type: ignore[attr-defined]  # the sidebar and the dashboard both need it
    return found


def may_view(request: HttpRequest, label: str) -> bool:
    """Whether the person may look at a model, named `app.model`."""
    app, _, model = label.partition(".")
    user: Any = request.user
    return bool(user.has_perm(f"{app}.view_{model}") or user.has_perm(f"{app}.change_{model}"))


def list_address(label: str, query: str = "") -> str:
    """The address of a model's list."""
    address = reverse(f"admin:{label.replace('.', '_')}_changelist")
    return f"{address}?{query}" if query else address


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Unfold's sidebar."""
    home = {"title": "Dashboard", "icon": "dashboard", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": "", "items": [home]}]
    for title, pages in GROUPS:
        shown = [_item(request, *page) for page in pages if may_view(request, page[2])]
        if shown:
            groups.append({"title": title, "separator": True, "items": shown})
    return groups


def _item(request: HttpRequest, title: str, icon: str, label: str, page: str = "changelist") -> dict[str, Any]:
    own = f"{label.replace('.', '_')}_{page}"
    address = reverse(f"admin:{page if page.startswith('inventory_') else own}")
    found: dict[str, Any] = {"title": title, "icon": icon, "link": address}
    if label == "inventory.case" and (waiting := sum(open_cases(request).values())):
        found["badge"] = str(waiting)
    return found
