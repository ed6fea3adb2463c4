"""Reports of imports: what became of each line, as files."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from inventory.formats.csv import guard
from inventory.models import ImportRow, ImportSession
from inventory.services.artifacts import save_artifact
from inventory.services.job_runs import JobRun

COLUMNS = ("line", "outcome", "internal_code", "column", "value", "detail", "hint", "object_id")


def save_reports(run: JobRun, session: ImportSession) -> None:
    """Keep `import-report.csv` and `import-report.json` as artifacts of the run."""
    for name, media_type, write in (
        ("import-report.csv", "text/csv", write_csv),
        ("import-report.json", "application/json", write_json),
    ):
        with tempfile.TemporaryFile() as file:
            stream = cast(BinaryIO, file)
            write(session, stream)
            save_artifact(run, name=name, media_type=media_type, file=stream)


def write_csv(session: ImportSession, file: BinaryIO) -> None:
    """One line for each line of the file, guarded against formulas."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in _rows(session):
        writer.writerow([guard(str(cell)) if cell is not None else "" for cell in row])
    text.detach()


def write_json(session: ImportSession, file: BinaryIO) -> None:
    """The import, its summary, and one object for each line."""
    head = {"id": str(session.uuid), "file": session.file_name, "kind": session.kind, "summary": session.summary}
    file.write(json.dumps(head, ensure_ascii=False)[:-1].encode() + b',"rows":[')
    for count, row in enumerate(_rows(session)):
        cells = {
            name: cell if cell is None or isinstance(cell, int) else str(cell)
            for name, cell in zip(COLUMNS, row, strict=True)
        }
        file.write((b",\n" if count else b"\n") + json.dumps(cells, ensure_ascii=False).encode())
    file.write(b"\n]}\n")


def _rows(session: ImportSession) -> Iterator[tuple[Any, ...]]:
    names = ("number", *COLUMNS[1:])
    found: Iterator[tuple[Any, ...]] = (
        ImportRow.objects.filter(session=session).order_by("number", "id").values_list(*names).iterator(2000)
    )
    return found
