"""Stocktakes: made, opened, closed, approved, posted, reversed; each step is one arrow of the table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.errors import FieldProblem
from config.core.quantities import counted
from devices.actors import Actor
from devices.models import Device
from devices.services.owned import (
    change_owned,
    delete_owned,
    find_reference,
    insert_owned,
    lock_device,
    lock_owned,
    restore_owned,
    writable,
)
from inventory.errors.counting import (
    CountPolicyInvalid,
    LinesUndecided,
    NothingToRecount,
    PassesExhausted,
    StocktakeTransition,
)
from inventory.models import (
    Campaign,
    Category,
    CountKind,
    CountSheet,
    Location,
    Stocktake,
    read_policy,
)
from inventory.models.lines import Line
from inventory.models.stocktakes import State
from inventory.services.counting.decisions import refuse_counter
from inventory.services.counting.sheets import create_sheet
from inventory.services.counting.states import move_stocktake, next_stocktake_state
from inventory.services.counting.unveiling import show_stocktake
from inventory.services.counting.work import advance, evaluate_if_complete

FIELDS = frozenset({"name", "kind", "note", "location_id", "category_id", "scheduled_for"})
REMOVABLE = (State.DRAFT, State.SCHEDULED, State.CANCELLED)


def checked_policy(given: Mapping[str, Any]) -> dict[str, Any]:
    """A policy as it is stored, complete. Raises CountPolicyInvalid."""
    try:
        return read_policy(given).as_json()
    except ValueError as error:
        field, detail = error.args
        raise CountPolicyInvalid(
            f"`{field}`: {detail}", errors=[FieldProblem(f"policy.{field}", "invalid", detail)]
        ) from None


def with_policy(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a stocktake that a device makes by itself: under the default policy."""
    return {**values, "policy": checked_policy({})}


@transaction.atomic
def create_stocktake(
    *,
    device: Device,
    actor: Actor,
    name: str,
    kind: str = CountKind.FULL,
    note: str = "",
    location_id: UUID | None = None,
    category_id: UUID | None = None,
    scheduled_for: datetime | None = None,
    policy: Mapping[str, Any] | None = None,
    campaign: Campaign | None = None,
    id: UUID | None = None,
) -> Stocktake:
    """A draft. The policy is the server's: the campaign's, or the default one.

    Raises ReferenceNotFound, CountPolicyInvalid, IdAlreadyUsed.
    """
    lock_device(device)
    stocktake = Stocktake(
        device=device,
        uuid=id or uuid7(),
        name=name,
        kind=kind,
        note=note,
        location=find_reference(Location, device=device, id=location_id, field="location_id"),
        category=find_reference(Category, device=device, id=category_id, field="category_id"),
        scheduled_for=scheduled_for,
        policy=checked_policy(policy or {}),
        campaign=campaign,
    )
    return insert_owned(stocktake, actor=actor)


@transaction.atomic
def update_stocktake(
    stocktake: Stocktake, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> Stocktake:
    """Name and note at any time; what is counted only before it is opened.

    Raises NotFound, RevisionMismatch, ReferenceNotFound, StocktakeTransition.
    """
    current, revision = lock_owned(stocktake, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    for name, model in (("location", Location), ("category", Category)):
        if f"{name}_id" in values:
            field = f"{name}_id"
            values[name] = find_reference(model, device=current.device, id=values.pop(field), field=field)
    scoped = {name for name in values if name not in ("name", "note") and getattr(current, name) != values[name]}
    if scoped and current.state not in (State.DRAFT, State.SCHEDULED):
        raise StocktakeTransition(current.state, f"change {min(scoped)}")
    return change_owned(current, revision=revision, actor=actor, changes=values)


@transaction.atomic
def schedule_stocktake(
    stocktake: Stocktake, *, actor: Actor, scheduled_for: datetime | None = None, expected_revision: int | None = None
) -> Stocktake:
    """Raises StocktakeTransition, NotFound, RevisionMismatch."""
    when = {} if scheduled_for is None else {"scheduled_for": scheduled_for}
    return move_stocktake(
        stocktake, "schedule", actor=actor, action="scheduled", expected_revision=expected_revision, **when
    )


@transaction.atomic
def open_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Counting may begin; a line for each bucket that holds something is made. Nothing is frozen.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    opened = move_stocktake(
        stocktake, "open", actor=actor, action="opened", expected_revision=expected_revision, opened_at=timezone.now()
    )
    advance(opened, "prepare", actor=actor)
    return opened


@transaction.atomic
def close_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """No more counting; evaluated as soon as every sheet is sealed or abandoned.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    closing = move_stocktake(
        stocktake, "close", actor=actor, action="closing", expected_revision=expected_revision, closed_at=timezone.now()
    )
    evaluate_if_complete(closing, actor=actor)
    return closing


@transaction.atomic
def start_recount(
    stocktake: Stocktake,
    *,
    actor: Actor,
    assigned_to: UUID | None = None,
    assignee_name: str = "",
    expected_revision: int | None = None,
) -> CountSheet:
    """Open the next pass for the lines that are marked, and offer a sheet for it.

    Raises StocktakeTransition, NothingToRecount, PassesExhausted, ReferenceNotFound, NotFound, RevisionMismatch.
    """
    current, revision = lock_owned(stocktake, expected_revision=expected_revision)
    state = next_stocktake_state(current.state, "recount")
    if not current.lines.filter(state=Line.RECOUNT).exists():
        raise NothingToRecount
    if current.pass_number >= current.rules.passes:
        raise PassesExhausted
    changes = {"state": state, "pass_number": current.pass_number + 1}
    opened = change_owned(current, revision=revision, actor=actor, changes=changes, action="recounting")
    return create_sheet(
        device=opened.device,
        actor=actor,
        stocktake_id=opened.uuid,
        name=f"Recount {opened.pass_number}",
        location_id=opened.location.uuid if opened.location else None,
        assigned_to=assigned_to,
        assignee_name=assignee_name,
    )


@transaction.atomic
def approve_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Everything is decided. Whoever counted a variance that is accepted cannot approve it.

    Raises StocktakeTransition, LinesUndecided, FourEyes, NotFound, RevisionMismatch.
    """
    lock_device(stocktake.device)
    lines = stocktake.lines.all()
    undecided = lines.filter(state__in=(Line.COUNTED, Line.VARIANCE, Line.RECOUNT)).count()
    current = move_stocktake(
        stocktake,
        "approve",
        actor=actor,
        action="approved",
        expected_revision=expected_revision,
        approved_by=actor.name[:200],
    )
    if undecided:
        raise LinesUndecided(f"{counted(undecided, 'line')} without a decision.")
    for counters in lines.filter(state=Line.ACCEPTED).values_list("counters", flat=True):
        refuse_counter(actor, counters)
    return current


@transaction.atomic
def post_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Post what is decided: all of an approved stocktake, or the decided lines while others are recounted.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    current, revision = lock_owned(stocktake, expected_revision=expected_revision)
    if current.state not in (State.COUNTING, State.REVIEW, State.APPROVED):
        raise StocktakeTransition(current.state, "post")
    current = change_owned(current, revision=revision, actor=actor, changes={})
    advance(current, "post", actor=actor)
    return current


@transaction.atomic
def finish_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """File it away. Raises StocktakeTransition, NotFound, RevisionMismatch."""
    return move_stocktake(stocktake, "finish", actor=actor, action="closed", expected_revision=expected_revision)


@transaction.atomic
def reverse_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Undo a posted stocktake: an inverse movement for each that it inserted, linked to it.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    reversed_ = move_stocktake(
        stocktake, "reverse", actor=actor, action="reversed", expected_revision=expected_revision
    )
    advance(reversed_, "reverse", actor=actor)
    return reversed_


@transaction.atomic
def cancel_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Given up before it was posted; everything that was counted is kept.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    cancelled = move_stocktake(
        stocktake, "cancel", actor=actor, action="cancelled", expected_revision=expected_revision
    )
    show_stocktake(cancelled, actor=actor)
    return cancelled


@transaction.atomic
def delete_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Only what was never counted, or was cancelled with nothing posted; its sheets and lines go with it.

    Raises StocktakeTransition, NotFound, RevisionMismatch.
    """
    current, revision = lock_owned(stocktake, expected_revision=expected_revision)
    if current.state not in REMOVABLE or current.lines.filter(state=Line.POSTED).exists():
        raise StocktakeTransition(current.state, "delete")
    return delete_owned(current, revision=revision, actor=actor, children=_children(current))


@transaction.atomic
def restore_stocktake(stocktake: Stocktake, *, actor: Actor, expected_revision: int | None = None) -> Stocktake:
    """Bring it back with its sheets and lines. Raises NotDeleted, RevisionMismatch."""
    current, revision = lock_owned(stocktake, expected_revision=expected_revision, deleted=True)
    return restore_owned(current, revision=revision, actor=actor, children=_children(current))


def _children(stocktake: Stocktake) -> list[Any]:
    return [CountSheet.all_objects.filter(stocktake=stocktake), stocktake.lines(manager="all_objects").all()]
