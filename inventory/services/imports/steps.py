"""Dry run and apply: a session's file, chunk by chunk, inside a job or a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from config.core.rows import insert_rows
from devices.actors import Actor
from devices.models import Feed
from inventory.formats.tables import Row
from inventory.models import ImportRow, ImportSession
from inventory.services.imports.detection import opened, readable
from inventory.services.imports.options import read_options
from inventory.services.imports.registry import find_import_kind
from inventory.services.imports.results import RowResult, Summary
from inventory.services.imports.runs import ImportRun

Status = ImportSession.Status
DELETED_AT_ONCE = 5_000


class Steps(Protocol):
    """How work is made to count exactly once: a JobRun, or a command's transactions."""

    actor: Actor

    def effect(self, *, last: bool = False) -> AbstractContextManager[None]:
        """A transaction."""

    def progress(self, done: int | None = None, *, total: int | None = None, message: str | None = None) -> None:
        """Say how far it is."""


def dry_run_import(session: ImportSession, *, steps: Steps) -> Summary:
    """Judge every line of the file and keep the verdicts; the inventory stays as it is. Raises ImportUnreadable."""
    _forget_rows(session, steps)
    with steps.effect():
        session.checked_revision = Feed.objects.get(device=session.device).head
        session.save(update_fields=["checked_revision", "updated_at"])
    with opened(session.upload, session.reading) as table:
        run = _run(session, steps, dry_run=True, is_csv=table.form.format == "csv")
        for rows in _readable(run.chunks(table)):
            results = run.work(rows)
            with steps.effect():
                _keep(session, results)
                steps.progress(run.summary.lines)
    session.status, session.summary, session.done = Status.READY, run.summary.as_dict(), 0
    with steps.effect():
        session.save(update_fields=["status", "summary", "done", "updated_at"])
    return run.summary


def apply_import(session: ImportSession, *, steps: Steps) -> Summary:
    """Write the lines of the file, ≤ 500 a transaction; after a kill it goes on after the last one that committed.

    Raises ImportUnreadable, FileGone.
    """
    if session.status == Status.APPLIED:
        return Summary.restored(session.summary)
    if session.done == 0:
        _forget_rows(session, steps)
    with opened(session.upload, session.reading) as table:
        run = _run(session, steps, checked_revision=session.checked_revision, is_csv=table.form.format == "csv")
        run.summary = Summary.restored(session.summary if session.done else None)
        passed = 0
        for rows in _readable(run.chunks(table)):
            passed += len(rows)
            if passed <= session.done:
                run.recall(rows)
            else:
                _apply_chunk(session, steps, run, rows, passed)
    session.status, session.summary = Status.APPLIED, run.summary.as_dict()
    with steps.effect():
        if run.kind.finish is not None:
            run.kind.finish(run)
            session.last_revision = Feed.objects.get(device=session.device).head
        session.save(update_fields=["status", "summary", "last_revision", "updated_at"])
    return run.summary


def _apply_chunk(session: ImportSession, steps: Steps, run: ImportRun, rows: Sequence[Row], passed: int) -> None:
    with steps.effect():
        before = Feed.objects.select_for_update().get(device=session.device).head
        results = run.work(rows)
        _keep(session, results)
        session.first_revision = session.first_revision or before + 1
        session.last_revision = Feed.objects.get(device=session.device).head
        session.done, session.summary = passed, run.summary.as_dict()
        session.save(update_fields=["first_revision", "last_revision", "done", "summary", "updated_at"])
        steps.progress(passed)


def _run(session: ImportSession, steps: Steps, **values: Any) -> ImportRun:
    return ImportRun(
        device=session.device,
        actor=steps.actor.during(session.uuid),
        kind=find_import_kind(session.kind),
        mapping=session.mapping,
        options=read_options(session.options),
        source=session.file_name,
        **values,
    )


def _readable(chunks: Iterator[list[Row]]) -> Iterator[list[Row]]:
    while True:
        with readable():
            rows = next(chunks, None)
        if rows is None:
            return
        yield rows


def _forget_rows(session: ImportSession, steps: Steps) -> None:
    """Remove what an earlier run noted."""
    while True:
        ids = list(ImportRow.objects.filter(session=session).values_list("pk", flat=True)[:DELETED_AT_ONCE])
        if not ids:
            return
        with steps.effect():
            ImportRow.objects.filter(session=session, pk__lte=max(ids), pk__gte=min(ids)).delete()


def _keep(session: ImportSession, results: Sequence[RowResult]) -> None:
    insert_rows(
        [
            ImportRow(
                session=session,
                number=result.number,
                outcome=result.outcome.value,
                internal_code=result.internal_code,
                column=result.column[:200],
                value=result.value[:200],
                detail=result.detail[:500],
                hint=result.hint[:500],
                object_id=result.object_id,
            )
            for result in results
        ]
    )
