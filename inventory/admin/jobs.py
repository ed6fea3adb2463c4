"""Jobs in the admin: how background work stands, its log, cancel and retry."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, FieldTextFilter

from config.core.display import column
from config.core.row_actions import RowAction
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from inventory.models import Job
from inventory.services.jobs import cancel_job, retry_job

STATUS_COLOURS = {
    "Queued": "",
    "Running": "info",
    "Succeeded": "success",
    "Failed": "danger",
    "Cancelled": "warning",
    "Reverted": "warning",
}


def _can_be_cancelled(row: Job) -> bool:
    return not row.has_ended


def _can_be_retried(row: Job) -> bool:
    return row.status in (Job.Status.FAILED, Job.Status.CANCELLED)


@admin.register(Job)
class JobAdmin(StaffAdmin):
    """Read-only: jobs are asked for where their subject is."""

    has_history = False
    row_actions = (
        RowAction(
            "cancel", "Cancel", "A waiting job ends at once, a running one within seconds; what it committed stays.",
            cancel_job, icon="cancel", danger=True, fits=_can_be_cancelled,
        ),
        RowAction(
            "retry", "Retry", "It is queued again and goes on from what it has committed.",
            retry_job, icon="replay", fits=_can_be_retried,
        ),
    )  # fmt: skip
    list_display = (
        "title",
        "status_label",
        "progress",
        "message",
        "device_link",
        "attempts",
        "who",
        "created_at",
        "took",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", FieldTextFilter),
        ("device", AutocompleteSelectFilter),
    )
    list_select_related = ("device",)
    search_fields = ("kind", "message", "actor_name", "=uuid", "=internal_code")
    search_help_text = "Kind, message, who asked, id or internal code"
    ordering = ("-id",)
    fields = (
        ("title", "status_label"),
        ("progress", "message"),
        ("device_link", "who"),
        ("attempts", "internal_code"),
        ("created_at", "run_at"),
        ("started_at", "finished_at"),
        "log_lines",
        "parameters_shown",
        "result_shown",
        ("uuid", "request_id"),
    )
    readonly_fields = tuple(name for line in fields for name in (line if isinstance(line, tuple) else (line,)))

    @column(description="Job", ordering="kind")
    def title(self, row: Job) -> str:
        return row.kind.replace("_", " ")

    @column(description="Status", ordering="status", badges=STATUS_COLOURS)
    def status_label(self, row: Job) -> str:
        return row.get_status_display()

    @column(description="Progress")
    def progress(self, row: Job) -> str:
        if not row.total:
            return f"{row.done:,}" if row.done else "–"
        return f"{row.done:,} of {row.total:,} ({min(100, row.done * 100 // row.total)} %)"

    @column(description="Device")
    def device_link(self, row: Job) -> str:
        return link_to(row.device)

    @column(description="Asked by")
    def who(self, row: Job) -> str:
        return f"{row.actor_name} ({row.actor_kind})"

    @column(description="Took")
    def took(self, row: Job) -> str:
        if row.started_at is None or row.finished_at is None:
            return "–"
        return f"{(row.finished_at - row.started_at).total_seconds():,.1f} s"

    @column(description="Log")
    def log_lines(self, row: Job) -> str:
        lines = [(entry.get("at", ""), entry.get("text", "")) for entry in row.log]
        body = format_html_join("\n", "{}  {}", lines)
        return format_html('<pre class="max-h-[400px] overflow-auto text-xs whitespace-pre-wrap">{}</pre>', body or "–")

    @column(description="Parameters")
    def parameters_shown(self, row: Job) -> str:
        return _pretty(row.parameters)

    @column(description="Result")
    def result_shown(self, row: Job) -> str:
        return _pretty(row.result)


def _pretty(value: Any) -> str:
    if not value:
        return "–"
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="max-h-[400px] overflow-auto text-xs whitespace-pre-wrap">{}</pre>', text)
