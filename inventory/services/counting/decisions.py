"""Decisions on lines: accept, reject, excuse, recount; four eyes, and a reason above tolerance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.errors import AppError
from devices.actors import Actor
from devices.services.owned import change_many_owned, lock_device
from inventory.errors.counting import FourEyes, PassesExhausted, ReasonRequired, RecountRequired, StocktakeTransition
from inventory.models import CountPolicy, Stocktake, StocktakeLine, VarianceReason
from inventory.models.stocktakes import State
from inventory.services.counting.judgement import may_accept
from inventory.services.counting.states import next_line_state

PEOPLE = ("user", "staff")


def person_of(key: str) -> str:
    """One person is the same as a user of the API and as staff in the admin."""
    kind, _, id = key.partition(":")
    return f"person:{id}" if kind in PEOPLE else key


def refuse_counter(actor: Actor, counters: Iterable[str]) -> None:
    """Raise FourEyes if `actor` is one of those who counted."""
    if person_of(actor.key) in {person_of(key) for key in counters}:
        raise FourEyes


@transaction.atomic
def decide_lines(
    stocktake: Stocktake,
    lines: Sequence[StocktakeLine],
    *,
    action: str,
    actor: Actor,
    reason: str = "",
    note: str = "",
) -> list[StocktakeLine | AppError]:
    """Decide many lines alike: each is decided or refused by itself. Returns the line or its refusal, in order.

    Constant queries. Raises StocktakeTransition where the stocktake is not in review or counted again.
    """
    lock_device(stocktake.device)
    current = Stocktake.objects.select_related("device").get(pk=stocktake.pk)
    if current.state not in (State.REVIEW, State.COUNTING):
        raise StocktakeTransition(current.state, action)
    rows = StocktakeLine.objects.filter(stocktake=current).select_related("product", "location", "lot")
    found = rows.in_bulk([line.pk for line in lines])
    results: list[StocktakeLine | AppError] = []
    changes = []
    for line in lines:
        row = found[line.pk]
        try:
            values = CHECKS[action](current, row, actor=actor, reason=reason)
        except AppError as refusal:
            results.append(refusal)
            continue
        decided = {"decided_by": actor.key[:120], "decided_by_name": actor.name[:200], "decided_at": timezone.now()}
        changes.append((row, {**decided, "note": note or row.note, **values}))
        results.append(row)
    change_many_owned(changes, device=current.device, actor=actor, action=DONE[action])
    return results


def _accept(stocktake: Stocktake, line: StocktakeLine, *, actor: Actor, reason: str) -> dict[str, Any]:
    """The shelf is right."""
    state = next_line_state(line.state, "accept")
    refuse_counter(actor, line.counters)
    policy = stocktake.rules
    if not reason and not _inside(line, policy):
        raise ReasonRequired
    if not may_accept(line, policy):
        raise RecountRequired
    return {"state": state, "reason": reason}


def _keep_book(move: str, stocktake: Stocktake, line: StocktakeLine, *, actor: Actor, reason: str) -> dict[str, Any]:
    """The book is kept: the count is rejected, or the line is excused."""
    state = next_line_state(line.state, move)
    refuse_counter(actor, line.counters)
    return {"state": state, "reason": reason or (VarianceReason.NOT_COUNTED if line.counted is None else "")}


def _recount(stocktake: Stocktake, line: StocktakeLine, *, actor: Actor, reason: str) -> dict[str, Any]:
    """Somebody counts it again, in the pass that is open or the next one."""
    state = next_line_state(line.state, "recount")
    number = stocktake.pass_number + (stocktake.state == State.REVIEW)
    if number > stocktake.rules.passes:
        raise PassesExhausted
    return {"state": state, "pass_number": number, "reason": ""}


def _inside(line: StocktakeLine, policy: CountPolicy) -> bool:
    return policy.allows(variance=line.variance or Decimal(0), expected=line.expected or Decimal(0))


CHECKS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "accept": _accept,
    "reject": partial(_keep_book, "reject"),
    "excuse": partial(_keep_book, "excuse"),
    "recount": _recount,
}
DONE = {"accept": "accepted", "reject": "rejected", "excuse": "excused", "recount": "recount_asked"}


def decide_line(line: StocktakeLine, *, action: str, actor: Actor, reason: str = "", note: str = "") -> StocktakeLine:
    """Decide one line.

    Raises StocktakeTransition, LineTransition, FourEyes, ReasonRequired, RecountRequired, PassesExhausted.
    """
    result = decide_lines(line.stocktake, [line], action=action, actor=actor, reason=reason, note=note)[0]
    if isinstance(result, AppError):
        raise result
    return result


accept_line = partial(decide_line, action="accept")
reject_line = partial(decide_line, action="reject")
excuse_line = partial(decide_line, action="excuse")
recount_line = partial(decide_line, action="recount")
