"""Jobs in the admin: how background work stands, its log, cancel and retry."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.contrib.filters.admin import AutocompleteSelectFilter, ChoicesDropdownFilter, FieldTextFilter

from config.core.display import badge, column
from config.core.downloads import send_file
from config.core.errors import AppError
from config.core.problems import problem
from config.core.row_actions import RowAction
from devices.admin.owned import link_to
from devices.admin.staff import StaffAdmin
from inventory.admin import exports, printing, recurring, reports
from inventory.models import Artifact, Job
from inventory.services.artifacts import as_download
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
    change_form_before_template = "admin/job_progress.html"
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
        "verdict",
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
        return f"{row.done:,} of {row.total:,} ({_percent(row)} %)"

    @column(description="Found")
    def verdict(self, row: Job) -> str:
        text, tone = proof_verdict(row)
        return badge(text, tone) if text else "–"

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

    # --- its page: how far it is, and its files ---
    class Media:
        js = ("countonme/job.js",)

    def get_urls(self) -> list[Any]:
        pages = (
            ("progress", "<int:pk>/progress/", self.progress_view),
            ("file", "<int:pk>/file/<uuid:uuid>/", self.file_view),
        )
        mine = [
            path(route, self.admin_site.admin_view(view), name=f"inventory_job_{name}") for name, route, view in pages
        ]
        pages_of_kinds = [url for page in (reports, exports, recurring, printing) for url in page.urls()]
        return [*mine, *pages_of_kinds, *super().get_urls()]

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far a job is, for the script of its page."""
        return JsonResponse(self._progress(self._row(request, pk)), headers={"Cache-Control": "no-store"})

    def file_view(self, request: HttpRequest, pk: int, uuid: UUID) -> HttpResponseBase:
        """One file that the job made."""
        artifact = Artifact.objects.filter(job=self._row(request, pk), uuid=uuid).first()
        if artifact is None:
            raise Http404
        try:
            return send_file(request, as_download(artifact))
        except AppError as error:
            return problem(error, request)

    def _row(self, request: HttpRequest, pk: int) -> Job:
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Job.objects.defer("log"), pk=pk)

    def _progress(self, row: Job) -> dict[str, Any]:
        return {
            "status": row.get_status_display(),
            "message": row.message,
            "progress": str(self.progress(row)),
            "percent": 100 if row.status == Job.Status.SUCCEEDED else _percent(row),
            "ended": row.has_ended,
        }

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        row = kwargs.get("obj") or context.get("original")
        if row is not None:
            files = list(Artifact.objects.filter(job=row, expires_at__gt=timezone.now()).order_by("id"))
            for file in files:
                file.link = self.address("file", row.pk, file.uuid)
            more = {"job_progress": self._progress(row), "job_progress_url": self.address("progress", row.pk)}
            context = {**context, **more, "job_artifacts": files}
        return super().render_change_form(request, context, *args, **kwargs)

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


def proof_verdict(row: Job) -> tuple[str, str]:
    """What a proof of the ledger found, and the tone of its badge; "" for other jobs and before the end."""
    if row.kind != "ledger_proof" or row.status != Job.Status.SUCCEEDED or not row.result:
        return "", ""
    drift = row.result.get("drift", 0)
    return (f"{drift:,} differ", "danger") if drift else ("No drift", "success")


def _percent(row: Job) -> int:
    return min(100, row.done * 100 // row.total) if row.total else 0


def _pretty(value: Any) -> str:
    if not value:
        return "–"
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="max-h-[400px] overflow-auto text-xs whitespace-pre-wrap">{}</pre>', text)
