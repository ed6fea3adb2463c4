"""Count sheets: made, taken, submitted; sealed once the server holds all that was counted on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.errors import FieldProblem, Invalid, ReferenceNotFound
from devices.actors import Actor
from devices.models import Device, Installation
from devices.services.owned import (
    change_owned,
    find_reference,
    insert_owned,
    lock_device,
    lock_owned,
    refuse_reference,
    writable,
)
from inventory.errors.counting import SheetTransition, StocktakeNotOpen
from inventory.models import CountSheet, Location, Stocktake
from inventory.models.sheets import Sheet
from inventory.models.stocktakes import State
from inventory.services.counting.states import move_sheet
from inventory.services.counting.unveiling import show_after_reassignment
from inventory.services.counting.work import evaluate_if_complete

FIELDS = frozenset({"stocktake_id", "name", "location_id", "assigned_to", "assignee_name", "state", "final_sequence"})
TAKES_SHEETS = (State.DRAFT, State.SCHEDULED, State.OPEN, State.COUNTING)
# What a device may say of its sheet, and the arrow that leads there.
MOVES: Mapping[str, tuple[str, str]] = {
    Sheet.DOWNLOADED: ("download", "downloaded"),
    Sheet.IN_PROGRESS: ("start", "started"),
}


@transaction.atomic
def create_sheet(
    *,
    device: Device,
    actor: Actor,
    stocktake_id: UUID | None = None,
    name: str = "",
    location_id: UUID | None = None,
    assigned_to: UUID | None = None,
    assignee_name: str = "",
    state: str = Sheet.OFFERED,
    final_sequence: int | None = None,
    id: UUID | None = None,
    as_fact: bool = False,
) -> CountSheet:
    """Offer a sheet for a zone in the pass that is counted now; `state` says how far it is already.

    `as_fact`: a device made it offline; where the stocktake takes none any more, it is kept as abandoned, and what
    was counted on it becomes a case.
    Raises StocktakeNotOpen, ReferenceNotFound, IdAlreadyUsed, SheetTransition.
    """
    lock_device(device)
    stocktake = find_reference(Stocktake, device=device, id=stocktake_id, field="stocktake_id", tombstones=as_fact)
    if stocktake is None:
        refuse_reference("stocktake_id")
    takes = stocktake.state in TAKES_SHEETS and not stocktake.is_deleted
    if not takes and not as_fact:
        raise StocktakeNotOpen
    sheet = CountSheet(
        device=device,
        uuid=id or uuid7(),
        stocktake=stocktake,
        name=name,
        location=find_reference(Location, device=device, id=location_id, field="location_id", tombstones=as_fact),
        assigned_to=known_installation(device, assigned_to),
        assignee_name=assignee_name,
        pass_number=stocktake.pass_number,
        blind=stocktake.rules.blind,
        state=Sheet.OFFERED if takes else Sheet.ABANDONED,
    )
    made = insert_owned(sheet, actor=actor)
    if not takes or state == Sheet.OFFERED:
        return made
    return update_sheet(made, actor=actor, changes={"state": state, "final_sequence": final_sequence})


@transaction.atomic
def update_sheet(
    sheet: CountSheet, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> CountSheet:
    """Rename or assign a sheet, or say how far it is (`state`, with `final_sequence` when it is submitted).

    Raises NotFound, RevisionMismatch, SheetTransition, ReferenceNotFound, Invalid.
    """
    values = writable(changes, FIELDS)
    state, final = values.pop("state", None), values.pop("final_sequence", None)
    current, revision = lock_owned(sheet, expected_revision=expected_revision)
    if "location_id" in values:
        location_id = values.pop("location_id")
        values["location"] = find_reference(Location, device=current.device, id=location_id, field="location_id")
    if "assigned_to" in values:
        values["assigned_to"] = known_installation(current.device, values["assigned_to"])
    if "stocktake_id" in values:
        _refuse_to_move(current, values.pop("stocktake_id"))
    reassigned = "assigned_to" in values and values["assigned_to"] != current.assigned_to
    changed = change_owned(current, revision=revision, actor=actor, changes=values)
    if reassigned:
        show_after_reassignment(changed.stocktake, actor=actor)
    if state is None or state == changed.state:
        return changed
    if state == Sheet.SUBMITTED:
        return submit_sheet(changed, actor=actor, final_sequence=final)
    if state == Sheet.ABANDONED:
        return abandon_sheet(changed, actor=actor)
    if state not in MOVES:
        raise SheetTransition(changed.state, str(state))
    move, action = MOVES[state]
    return move_sheet(changed, move, actor=actor, action=action)


def _refuse_to_move(sheet: CountSheet, stocktake_id: UUID | None) -> None:
    """A sheet stays in its stocktake: what was counted on it belongs there."""
    if stocktake_id == sheet.stocktake.uuid:
        return
    find_reference(Stocktake, device=sheet.device, id=stocktake_id, field="stocktake_id")
    detail = "A sheet stays in its stocktake."
    raise Invalid(detail, errors=[FieldProblem("stocktake_id", "read_only_field", detail)])


@transaction.atomic
def download_sheet(sheet: CountSheet, *, actor: Actor, expected_revision: int | None = None) -> CountSheet:
    """An installation takes the sheet with it. Raises SheetTransition, NotFound, RevisionMismatch."""
    mine = {"held_by": installation_of(actor)} if installation_of(actor) else {}
    return move_sheet(sheet, "download", actor=actor, action="downloaded", expected_revision=expected_revision, **mine)


@transaction.atomic
def submit_sheet(
    sheet: CountSheet, *, actor: Actor, final_sequence: int | None = None, expected_revision: int | None = None
) -> CountSheet:
    """Counted. Sealed at once where the server holds every operation up to `final_sequence` (None: all of it).

    Raises SheetTransition, NotFound, RevisionMismatch.
    """
    submitted = move_sheet(
        sheet,
        "submit",
        actor=actor,
        action="submitted",
        expected_revision=expected_revision,
        final_sequence=final_sequence,
        submitted_at=timezone.now(),
        held_by=installation_of(actor) or sheet.held_by,
    )
    return _seal_if_complete(submitted, actor=actor)


@transaction.atomic
def seal_sheets(installation: Installation, *, actor: Actor) -> int:
    """Seal what this installation submitted and has sent completely by now. Returns how many."""
    waiting = CountSheet.objects.filter(device=installation.device_id, held_by=installation.uuid, state=Sheet.SUBMITTED)
    found = list(waiting.select_related("device", "stocktake__device"))
    return sum(_seal_if_complete(sheet, actor=actor).state == Sheet.SEALED for sheet in found)


@transaction.atomic
def abandon_sheet(sheet: CountSheet, *, actor: Actor, expected_revision: int | None = None) -> CountSheet:
    """Give a sheet up: nothing on it counts, and what still arrives becomes a case.

    Raises SheetTransition, NotFound, RevisionMismatch.
    """
    abandoned = move_sheet(sheet, "abandon", actor=actor, action="abandoned", expected_revision=expected_revision)
    evaluate_if_complete(sheet.stocktake, actor=actor)
    return abandoned


def _seal_if_complete(sheet: CountSheet, *, actor: Actor) -> CountSheet:
    if sheet.final_sequence is not None and sheet.held_by is not None:
        holder = Installation.objects.filter(device=sheet.device_id, uuid=sheet.held_by)
        reached = holder.values_list("next_sequence", flat=True).first()
        if reached is not None and reached <= sheet.final_sequence:
            return sheet
    sealed = move_sheet(sheet, "seal", actor=actor, action="sealed", sealed_at=timezone.now())
    evaluate_if_complete(sheet.stocktake, actor=actor)
    return sealed


def installation_of(actor: Actor) -> UUID | None:
    """The id of the installation that acts; None for people."""
    return UUID(actor.id) if actor.kind == "installation" else None


def known_installation(device: Device, id: UUID | None) -> UUID | None:
    """The id, if it is of an installation of this device; None for None. Raises ReferenceNotFound."""
    if id is not None and not Installation.objects.filter(device=device, uuid=id).exists():
        problem = FieldProblem("assigned_to", "reference_not_found", "This is no installation of the device.")
        raise ReferenceNotFound("`assigned_to` refers to an installation that does not exist here.", errors=[problem])
    return id
