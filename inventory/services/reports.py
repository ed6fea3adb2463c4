"""Reports: what can be asked for, checked, and written into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from config.core.errors import FieldProblem
from config.core.quantities import counted
from devices.models import Device
from devices.services.owned import find_reference
from inventory.errors import JobParameters
from inventory.formats.csv_sheets import write_csv
from inventory.formats.json_sheets import write_json
from inventory.formats.pdf import Paper, write_pdf
from inventory.formats.sheets import Cells, Sheet
from inventory.formats.xlsx import write_xlsx
from inventory.reports.kinds import Filter, ReportKind
from inventory.reports.periods import PERIODS, moments_of
from inventory.reports.registry import REPORTS
from inventory.reports.scope import Scope, open_scope
from inventory.services import job_parameters as read
from inventory.services.artifacts import save_artifact
from inventory.services.job_kinds import Values
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import JobRun

PAPERS: dict[str, Paper] = {"a4": "a4", "letter": "us-letter"}
WRITERS = {"xlsx": write_xlsx, "csv": write_csv, "json": write_json}
READS: dict[str, Callable[[str], Any]] = {"moment": datetime.fromisoformat, "day": date.fromisoformat}
DATED = {"at", "revision", "from_day", "to_day"}
STEP = 500  # rows between two looks at whether to stop


FORMATS = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
}


def parameters() -> dict[str, Parameter]:
    """What a job of kind `report` takes: the report, the format, and the filters of every report."""
    found = {
        "report": read.choice(*REPORTS, about="Which report"),
        "format": read.choice(*FORMATS, default="pdf", about="File format"),
        "paper": read.choice(*PAPERS, required=False, about="Paper of a PDF"),
    }
    for kind in REPORTS.values():
        found |= {filter_.name: _parameter(filter_) for filter_ in kind.filters}
    return found


def check_report(device: Device | None, values: Values) -> Values:
    """The parameters with the report's own defaults, a named period as its days; ids are looked up in the device.

    Raises JobParameters for a filter that the report does not have, ReferenceNotFound for an unknown id.
    """
    kind = REPORTS[values["report"]]
    filters = {filter_.name: filter_ for filter_ in kind.filters}
    asked = values.keys() - {"report", "format", "paper"}
    problems = [
        FieldProblem(name, "unknown_field", f"The report {kind.name} does not take this.")
        for name in sorted(asked - filters.keys())
    ]
    if {"at", "revision"} <= asked:
        problems.append(FieldProblem("revision", "invalid", "Give a time or a revision, not both."))
    if "period" in asked and asked & DATED:
        problems.append(FieldProblem("period", "invalid", "Give a period or its days, not both."))
    problems += [
        FieldProblem(name, "invalid", "An id is of one device: ask for that device's report.")
        for name in sorted(asked & filters.keys())
        if filters[name].type == "id" and device is None
    ]
    if problems:
        raise JobParameters(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    _rows_named(kind, device, values)
    return {**{name: one.default for name, one in filters.items() if one.default is not None}, **_dated(kind, values)}


def write_report(run: JobRun) -> None:
    """Build the report that the job asks for and keep it as the job's artifact; result: {rows, revision}."""
    kind, suffix = REPORTS[run.parameters["report"]], run.parameters["format"]
    scope = open_scope(run.device)
    sheet = kind.build(scope, _asked(kind, run.device, run.parameters))
    sheet.rows = _reporting(run, sheet.rows)
    with TemporaryFile() as file:
        _write(sheet, file, suffix=suffix, paper=run.parameters.get("paper", settings.REPORT_PAPER))
        run.progress(sheet.count, total=sheet.count, message="")
        run.result = {"rows": sheet.count, "revision": _revision(scope)}
        save_artifact(run, name=_name(kind, scope, suffix), media_type=FORMATS[suffix], file=file, last=True)


def _write(sheet: Sheet, file: IO[bytes], *, suffix: str, paper: str) -> None:
    if suffix == "pdf":
        fonts = Path(settings.PDF_FONTS) if settings.PDF_FONTS else None
        write_pdf(sheet, file, paper=PAPERS[paper], most_rows=settings.REPORT_PDF_ROWS, fonts=fonts)
    else:
        WRITERS[suffix](sheet, file)


def _parameter(filter_: Filter) -> Parameter:
    kept: Any = {"required": False, "about": filter_.about}
    if filter_.type == "choice":
        return read.choice(*filter_.choices, **kept)
    if filter_.type == "whole":
        return read.whole(most=filter_.most, **kept)
    return {"moment": read.moment, "day": read.day, "flag": read.flag, "id": read.ident}[filter_.type](**kept)


def _dated(kind: ReportKind, values: Values) -> Values:
    """A period by name becomes what it is today, so that every attempt at the job makes the same report."""
    if "period" not in values:
        return values
    dated = {name: value for name, value in values.items() if name != "period"}
    first, last = PERIODS[values["period"]](timezone.localdate())
    if any(filter_.name == "at" for filter_ in kind.filters):
        return {**dated, "at": (moments_of(first, last)[1] - timedelta(microseconds=1)).isoformat()}
    return {**dated, "from_day": first.isoformat(), "to_day": last.isoformat()}


def _rows_named(kind: ReportKind, device: Device | None, values: Values) -> Values:
    """Filter → the row that its id names, tombstones too: they have a history."""
    found = {}
    for filter_ in kind.filters:
        if filter_.type == "id" and filter_.name in values and device is not None:
            uuid = UUID(values[filter_.name])
            found[filter_.name] = find_reference(
                filter_.model, device=device, id=uuid, field=filter_.name, tombstones=True
            )
    return found


def _asked(kind: ReportKind, device: Device | None, values: Values) -> Values:
    """The stored parameters as the report takes them."""
    plain = {
        filter_.name: READS[filter_.type](values[filter_.name]) if filter_.type in READS else values[filter_.name]
        for filter_ in kind.filters
        if filter_.name in values and filter_.type != "id"
    }
    return plain | _rows_named(kind, device, values)


def _reporting(run: JobRun, rows: Iterable[Cells]) -> Iterator[Cells]:
    """The rows, with the job's progress; a job that was cancelled stops here."""
    for number, cells in enumerate(rows):
        if number % STEP == 0:
            run.progress(number, message=counted(number, "row"))
        yield cells


def _revision(scope: Scope) -> int | None:
    return None if scope.everyone else scope.heads[scope.devices[0].pk]


def _name(kind: ReportKind, scope: Scope, suffix: str) -> str:
    whose = "all devices" if scope.everyone else str(scope.devices[0])
    return f"{kind.title} {whose} {scope.now.astimezone(scope.zone):%Y-%m-%d %H%M}.{suffix}"
