"""import_dry_run, import_apply, import_revert: a file on its way in, and out again."""

from __future__ import annotations

from uuid import UUID

from config.core.errors import NotFound, ReferenceNotFound
from devices.models import Device
from inventory.errors import ImportState
from inventory.models import ImportSession
from inventory.services.imports.reports import save_reports
from inventory.services.imports.reverts import finish_revert, revert_import
from inventory.services.imports.sessions import find_import
from inventory.services.imports.steps import apply_import, dry_run_import
from inventory.services.job_kinds import JobKind, Values, register_kind
from inventory.services.job_parameters import ident
from inventory.services.job_runs import JobRun

Status = ImportSession.Status
IMPORT = {"import_id": ident(about="which import, by its id")}


def check(device: Device | None, values: Values) -> Values:
    """The import is one of the device's."""
    if find_import(UUID(values["import_id"]), device=device) is None:
        raise ReferenceNotFound(f"There is no import {values['import_id']}.")
    return values


def build_dry_run(run: JobRun) -> None:
    """Judge every line; result: the summary."""
    session = _session(run, Status.DRAFT, Status.READY)
    run.result = dry_run_import(session, steps=run).as_dict()
    save_reports(run, session)


def build_apply(run: JobRun) -> None:
    """Write the lines; result: the summary."""
    session = _session(run, Status.RUNNING, Status.APPLIED)
    run.result = apply_import(session, steps=run).as_dict()
    save_reports(run, session)


def build_revert(run: JobRun) -> None:
    """Undo it; result: {rows, undone, left, conflicts}."""
    session = _session(run, Status.APPLIED, Status.FAILED)
    revert_import(session, steps=run, result=run.result)
    with run.effect(last=True):
        finish_revert(session, actor=run.actor, result=run.result)


def _session(run: JobRun, *statuses: str) -> ImportSession:
    session = find_import(UUID(run.parameters["import_id"]), device=run.device)
    if session is None:
        raise NotFound
    if session.status not in statuses:
        raise ImportState(f"The import is {session.status}.")
    return session


register_kind(
    JobKind(name="import_dry_run", title="Import: dry run", build=build_dry_run, parameters=IMPORT, check=check)
)
register_kind(JobKind(name="import_apply", title="Import", build=build_apply, parameters=IMPORT, check=check))
register_kind(JobKind(name="import_revert", title="Import: revert", build=build_revert, parameters=IMPORT, check=check))
