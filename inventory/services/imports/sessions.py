"""Imports as sessions: a file is looked at, mapped, tried, applied, and undone if need be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.models import Device
from inventory.errors import ImportMapping, ImportState
from inventory.models import ImportSession, Job, Upload
from inventory.services.imports.detection import Detected, detect, fitted, fitting_profile, guess, own_kind
from inventory.services.imports.guesses import guess_options
from inventory.services.imports.kinds import ImportKind, is_field, missing_fields
from inventory.services.imports.options import given_options, read_options
from inventory.services.imports.profiles import find_profile
from inventory.services.imports.registry import find_import_kind
from inventory.services.jobs import request_job
from inventory.services.uploads import save_upload

Status = ImportSession.Status
MAX_JOINED = 10


def create_import(
    *,
    device: Device,
    actor: Actor,
    upload: Upload,
    kind: str = "",
    profile: str = "",
    mapping: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    reading: Mapping[str, Any] | None = None,
) -> ImportSession:
    """Look at a file: how it is written, what is in it, which column is probably which field. Writes no inventory.

    `profile` names a ready or saved one; without one a ready one is taken where it fits the file, else guesses.
    Raises UnknownImportKind, ImportUnreadable, ImportMapping, ImportOptions, ReferenceNotFound for a profile.
    """
    chosen = find_profile(profile, device=device) if profile else None
    how = {**(chosen.reading if chosen else {}), **_said(reading)}
    found = detect(upload, how)
    if chosen is None and mapping is None:
        chosen = fitting_profile(found.columns, kind)
    wanted = find_import_kind(kind or (chosen.kind if chosen else own_kind(found.columns)))
    if chosen is not None and chosen.kind == wanted.name:
        mapped = fitted(chosen.mapping, found.columns)
        opted = {**guess_options(wanted, mapped, found.cells()), **chosen.options}
    else:
        chosen = None
        mapped, opted = guess(wanted, found)
    session = ImportSession(
        device=device,
        upload=upload,
        file_name=upload.name,
        kind=wanted.name,
        profile=chosen.name if chosen else "",
        reading=found.reading,
        columns=found.columns,
        sample=found.sample,
        detected=found.told(),
        mapping=read_mapping(wanted, mapping, found.columns) if mapping is not None else mapped,
        options=given_options(read_options({**opted, **(options or {})})),
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
    )
    session.save(force_insert=True)
    return session


def import_sent_file(*, device: Device, actor: Actor, file: Any, kind: str = "", profile: str = "") -> ImportSession:
    """Keep a file that was sent in a form, and look at it. Raises as create_import(), UploadEmpty, UploadTooLarge."""
    upload = save_upload(device=device, name=file.name, media_type=file.content_type or "", file=file)
    return create_import(device=device, actor=actor, upload=upload, kind=kind, profile=profile)


@transaction.atomic
def change_import(session: ImportSession, *, actor: Actor, changes: Mapping[str, Any]) -> ImportSession:
    """Another mapping, options, kind or way to read the file; it is a draft again.

    With another kind or reading, the mapping is guessed anew unless it is given too. Raises as create_import(), and
    ImportState once it has been applied or while a job of it runs.
    """
    current = _locked(session)
    _refuse_unless(current, Status.DRAFT, Status.READY)
    kind = find_import_kind(changes.get("kind", current.kind))
    found = Detected(current.reading, current.columns, current.sample, ())
    options = dict(changes.get("options", current.options))
    if "reading" in changes:
        found = detect(current.upload, _said(changes["reading"]))
        current.reading, current.columns, current.sample = found.reading, found.columns, found.sample
        current.detected = found.told()
    if "mapping" in changes:
        current.mapping = read_mapping(kind, changes["mapping"], found.columns)
    elif "reading" in changes or kind.name != current.kind:
        current.mapping, guessed = guess(kind, found if found.rows else detect(current.upload, current.reading))
        options = {**guessed, **options}
    current.kind, current.options = kind.name, given_options(read_options(options))
    current.status, current.summary = Status.DRAFT, None
    current.save()
    return current


def request_dry_run(session: ImportSession, *, actor: Actor) -> Job:
    """Ask for a dry run: every line is judged, nothing is written. Raises ImportState, ImportMapping."""
    return _request(session, "import_dry_run", actor, Status.DRAFT, Status.READY)


def request_apply(session: ImportSession, *, actor: Actor) -> Job:
    """Ask for it to be applied; one that broke off goes on where it stood. Raises ImportState, ImportMapping."""
    return _request(session, "import_apply", actor, Status.READY, Status.FAILED, becomes=Status.RUNNING)


@transaction.atomic
def begin_here(session: ImportSession) -> None:
    """It is applied by the caller itself, without a job. Raises ImportState."""
    _refuse_unless(session, Status.READY)
    session.status = Status.RUNNING
    session.save(update_fields=["status", "updated_at"])


def request_revert(session: ImportSession, *, actor: Actor) -> Job:
    """Ask for it to be undone, where nobody has changed its rows since. Raises ImportState."""
    return _request(session, "import_revert", actor, Status.APPLIED, Status.FAILED)


@transaction.atomic
def _request(session: ImportSession, kind: str, actor: Actor, *standings: str, becomes: str = "") -> Job:
    current = _locked(session)
    _refuse_unless(current, *standings)
    refuse_gaps(current)
    job = request_job(kind=kind, actor=actor, device=current.device, parameters={"import_id": str(current.uuid)})
    current.status = becomes or current.standing  # by the job before, which may have broken off
    current.job = job
    current.save(update_fields=["job", "status", "updated_at"])
    session.status, session.job = current.status, job
    return job


def _locked(session: ImportSession) -> ImportSession:
    found: ImportSession = (
        ImportSession.objects.select_for_update(of=("self",))
        .select_related("device", "upload", "job")
        .get(pk=session.pk)
    )
    return found


def _refuse_unless(session: ImportSession, *standings: str) -> None:
    """Raise ImportState for any other standing, or while a job of it is not over."""
    if session.job is not None and not session.job.has_ended:
        raise ImportState(f"Its job ({session.job.kind}) is not over yet.")
    if session.standing not in standings:
        raise ImportState(f"It is {session.standing}; this needs it to be {' or '.join(standings)}.")


def refuse_gaps(session: ImportSession) -> None:
    """Raise ImportMapping where a field that is needed has no column."""
    kind = find_import_kind(session.kind)
    options = read_options(session.options)
    gaps = missing_fields(kind, {*session.mapping, *options.defaults}, match=options.match)
    problems = [FieldProblem("mapping", "required", f"No column for {' or '.join(group)}.") for group in gaps]
    if problems:
        raise ImportMapping(problems[0].detail, errors=problems)


def read_mapping(kind: ImportKind, given: Mapping[str, Any], columns: list[str]) -> dict[str, Any]:
    """A mapping as it is stored. Raises ImportMapping with every problem."""
    problems = []
    for name, wanted in given.items():
        listed = [wanted] if isinstance(wanted, str) else wanted
        if not is_field(kind, name):
            problems.append(FieldProblem(f"mapping.{name[:80]}", "unknown_field", f"{kind.title} have no such field."))
        elif not isinstance(listed, list) or not 1 <= len(listed) <= MAX_JOINED:
            problems.append(FieldProblem(f"mapping.{name}", "invalid", f"A column, or a list of 1 to {MAX_JOINED}."))
        else:
            problems += [
                FieldProblem(f"mapping.{name[:80]}", "unknown_column", f"The file has no column {str(column)[:80]!r}.")
                for column in listed
                if column not in columns
            ]
    if problems:
        raise ImportMapping(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    return dict(given)


def _said(reading: Mapping[str, Any] | None) -> dict[str, Any]:
    """What is said about how a file is to be read; null is nothing said."""
    return {name: value for name, value in (reading or {}).items() if value is not None}


def find_import(id: UUID, *, device: Device | None) -> ImportSession | None:
    """A session of the device, with what its runs need."""
    sessions = ImportSession.objects.select_related("device", "upload", "job")
    found: ImportSession | None = sessions.filter(uuid=id, device=device).first()
    return found
