"""Exports: a ZIP with a file for each table, written as a stream."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from django.utils import timezone

from config.core.errors import FieldProblem
from devices.models import Device
from inventory.errors import ExportTooLong, JobParameters
from inventory.formats.table_files import SHEET_ROWS, CellTooLong, write_csv, write_lines, write_sheet
from inventory.reports.periods import PERIODS, moments_of
from inventory.services.exports.tables import columns_of, dated_tables, read_filter, rows_of, tables

STEP = 500  # rows between two looks at whether to stop
Filters = Mapping[str, Mapping[str, Any]]


def check_export(device: Device | None, values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of an export, with every table where none is named, and a named period as filters of its days.

    Raises JobParameters.
    """
    known = tables()
    wanted = values.get("tables") or list(known)
    problems = [
        FieldProblem("tables", "unknown_table", f"There is no table {name[:80]}.")
        for name in wanted
        if name not in known
    ]
    for table, filters in values.get("filters", {}).items():
        if table not in wanted or table not in known:
            problems.append(FieldProblem(f"filters.{table[:80]}", "unknown_table", "This table is not exported."))
            continue
        for name, given in filters.items():
            try:
                read_filter(known[table], name, given)
            except (ValueError, TypeError) as error:
                problems.append(FieldProblem(f"filters.{table}.{name[:80]}", "invalid_filter", str(error)[:200]))
    if problems:
        raise JobParameters(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    names = [name for name in known if name in wanted]
    return {**_dated(values, names), "tables": names}


def _dated(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A period narrows the tables of what happened; a filter that is given for the same column stays."""
    if "period" not in values:
        return values
    begin, end = moments_of(*PERIODS[values["period"]](timezone.localdate()))
    filters = dict(values.get("filters", {}))
    for name, column in dated_tables().items():
        if name in names:
            days = {f"{column}__gte": begin.isoformat(), f"{column}__lt": end.isoformat()}
            filters[name] = {**days, **filters.get(name, {})}
    return {**{name: value for name, value in values.items() if name != "period"}, "filters": filters}


def read_filters(value: Any) -> dict[str, dict[str, Any]]:
    """`{table: {filter: value}}`. Raises ValueError."""
    if not isinstance(value, dict) or any(not isinstance(filters, dict) for filters in value.values()):
        raise ValueError("Give an object: table → its filters.")
    return {str(table): {str(name): given for name, given in filters.items()} for table, filters in value.items()}


def write_export(
    file: IO[bytes],
    *,
    device: Device | None,
    names: Sequence[str],
    format: str,
    filters: Filters,
    deleted: bool,
    advance: Callable[[str, int], None] = lambda table, rows: None,
) -> dict[str, int]:
    """Write a ZIP of one device, or of all. Memory: some rows. Returns the rows by table. Raises ExportTooLong."""
    known, counts = tables(), {}
    with ZipFile(file, "w", ZIP_STORED if format == "xlsx" else ZIP_DEFLATED) as archive:
        for name in names:
            rows = rows_of(known[name], device=device, filters=filters.get(name, {}), deleted=deleted)
            counts[name] = 0

            def counted(rows: Iterator[Sequence[Any]] = rows, name: str = name) -> Iterator[Sequence[Any]]:
                for row in rows:
                    counts[name] += 1
                    if counts[name] % STEP == 0:
                        advance(name, counts[name])
                    yield row

            _write_table(archive, name, list(columns_of(known[name])), counted(), format)
            advance(name, counts[name])
    return counts


def _write_table(
    archive: ZipFile, name: str, columns: Sequence[str], rows: Iterator[Sequence[Any]], format: str
) -> None:
    if format != "xlsx":
        write = write_csv if format == "csv" else write_lines
        with archive.open(f"{name}.{format}", "w", force_zip64=True) as member:
            write(member, columns, rows)
        return
    part, first = 1, next(rows, None)
    while part == 1 or first is not None:
        some = chain([first] if first is not None else [], islice(rows, SHEET_ROWS - 1))
        with tempfile.NamedTemporaryFile() as sheet:
            try:
                write_sheet(sheet, columns, some)
            except CellTooLong as error:
                raise ExportTooLong(f"Table {name}: {error}") from error
            sheet.flush()
            archive.write(sheet.name, f"{name}.xlsx" if part == 1 else f"{name}-{part}.xlsx")
        part, first = part + 1, next(rows, None)
