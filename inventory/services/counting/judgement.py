"""Judgement: what an evaluation makes of lines; matched by itself, or a variance for people to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from config.core.quantities import counted, plain
from devices.actors import Actor
from devices.models import Device
from devices.services.feed import take_revisions
from devices.services.owned import change_many_owned, lock_device
from inventory.models import Case, CountPolicy, StockMovement, Stocktake, StocktakeLine
from inventory.models.lines import Line
from inventory.services.cases import Trouble, open_cases
from inventory.services.counting.evaluation import Finding, Result, agreeing, counted_by_others, find_results
from inventory.services.counting.states import next_line_state

CHUNK = 500
FINAL = (Line.POSTED, Line.REVERSED)
KEPT = (Line.REJECTED, Line.EXCUSED)  # decided for the book: new figures are shown, the decision stays
OPEN_TO_JUDGE = (Line.TO_COUNT, Line.COUNTED, Line.RECOUNT)


@transaction.atomic
def judge_some(stocktake: Stocktake, *, actor: Actor, limit: int = CHUNK) -> int:
    """Judge at most `limit` lines that this evaluation has not seen yet. Returns how many; 0 = none are left."""
    head = lock_and_head(stocktake.device)
    unseen = stocktake.lines.exclude(state__in=FINAL).exclude(head__gte=stocktake.evaluated_head)
    lines = list(unseen.select_related("product", "lot").prefetch_related("location").order_by("product", "pk")[:limit])
    judge_lines(stocktake, lines, head=head, actor=actor)
    return len(lines)


def lock_and_head(device: Device) -> int:
    """Take the feed lock; the position the feed has reached."""
    lock_device(device)
    return take_revisions(device, 0).start - 1


def judge_lines(
    stocktake: Stocktake, lines: Sequence[StocktakeLine], *, head: int, actor: Actor
) -> list[StocktakeLine]:
    """Write what the counts say of these lines. Returns those whose number changed after they were settled.

    Constant queries; under the feed lock.
    """
    policy, findings = stocktake.rules, find_results(stocktake, lines)
    written = [(finding, _verdict(finding, policy)) for finding in findings]
    changed = [finding.line for finding, changes in written if "changed" in changes.get("flags", ())]
    news = [finding for finding, changes in written if _is_news(finding.line, changes)]
    change_many_owned(
        [(finding.line, {**changes, "head": head}) for finding, changes in written],
        device=stocktake.device,
        actor=actor,
        action="evaluated",
    )
    open_cases(
        device=stocktake.device,
        actor=actor,
        troubles=[trouble for finding in news for trouble in _troubles(stocktake, finding, policy)],
    )
    return changed


def _is_news(line: StocktakeLine, changes: Mapping[str, Any]) -> bool:
    """Whether there is more to say than at the last evaluation: a case that people settled is not opened again."""
    shown = ("state", "variance", "flags", "doubts")
    return any(getattr(line, name) != changes[name] for name in shown if name in changes)


def _verdict(finding: Finding, policy: CountPolicy) -> dict[str, Any]:
    """The new columns of one line."""
    line, last = finding.line, finding.last
    if last is None:
        return _of_uncounted(finding, policy)
    values: dict[str, Any] = {
        "counted": last.tally.counted,
        "expected": last.expected,
        "variance": last.variance,
        "counted_at": last.tally.counted_at,
        "counters": sorted({key for result in finding.results for key in result.tally.counters}),
        "passes": [result.as_json() for result in finding.results],
        "doubts": [str(judged.movement.uuid) for judged in last.doubts],
        "flags": _flags(finding, last),
    }
    if line.state in KEPT:
        return values
    if line.state not in OPEN_TO_JUDGE:
        return {**values, **_again(line, last.variance, values["flags"])}
    counted = line.state
    if line.state != Line.COUNTED and "not_recounted" not in values["flags"]:
        counted = next_line_state(line.state, "count")  # by the word that its place is empty
    fine = policy.allows(variance=last.variance, expected=last.expected) and not values["flags"]
    return {**values, "state": next_line_state(counted, "match" if fine else "vary")}


def _flags(finding: Finding, last: Result) -> list[str]:
    """Why a person should look; also where nobody counted it again: the earlier count stands."""
    again = finding.line.pass_number > last.tally.pass_number
    return sorted({*finding.flags, "not_recounted"} if again else finding.flags)


def _again(line: StocktakeLine, variance: Decimal, flags: Sequence[str]) -> dict[str, Any]:
    """A line that was settled: late data may have changed its number, then people look again."""
    if line.state == Line.VARIANCE or (variance == line.variance and set(flags) <= set(line.flags)):
        return {}
    return {"state": next_line_state(line.state, "vary"), "flags": sorted({*flags, "changed"})}


def _of_uncounted(finding: Finding, policy: CountPolicy) -> dict[str, Any]:
    """Nobody counted it: that is no zero, unless the policy says so and somebody approves it."""
    line = finding.line
    values: dict[str, Any] = {"expected": finding.level}
    assumed = {"counted": Decimal(0), "variance": -finding.level, "counted_at": timezone.now()}
    if "assumed_zero" in line.flags:
        return {**values, **assumed, **_again(line, -finding.level, ["assumed_zero"])}
    if line.state not in OPEN_TO_JUDGE:
        return values
    state = line.state
    if state == Line.COUNTED:  # on a sheet that was given up since
        state = next_line_state(state, "lose")
    if policy.not_counted == "zero_with_approval":
        return {**values, **assumed, "state": next_line_state(state, "vary"), "flags": ["assumed_zero"]}
    again = policy.not_counted == "recount" and state == Line.TO_COUNT and line.pass_number < policy.passes
    if again:
        state = next_line_state(state, "recount")
    return {**values, "state": state, "pass_number": line.pass_number + again}


def _troubles(stocktake: Stocktake, finding: Finding, policy: CountPolicy) -> list[Trouble]:
    """Cases of a line: movements in doubt, overlapping sheets, a serial seen twice, a variance over the limit."""
    line = finding.line
    if line.variance is None or (finding.last is None and "assumed_zero" not in line.flags):
        return []
    kinds = {
        Case.Kind.AMBIGUOUS_MOVEMENT: bool(finding.doubts),
        Case.Kind.OVERLAP: "overlap" in finding.flags,
        Case.Kind.SERIAL_IN_TWO_PLACES: "serial_again" in finding.flags,
        Case.Kind.VARIANCE_OVER_LIMIT: policy.case_over is not None and abs(line.variance) > policy.case_over,
    }
    return [_trouble(kind, stocktake, finding) for kind, holds in kinds.items() if holds]


def _trouble(kind: Case.Kind, stocktake: Stocktake, finding: Finding) -> Trouble:
    line = finding.line
    assert line.counted is not None  # a number was written for it
    assert line.expected is not None
    doubts = counted(len(finding.doubts), "movement")
    what = {
        Case.Kind.AMBIGUOUS_MOVEMENT: f"{doubts} may have been before or after the count",
        Case.Kind.OVERLAP: "sheets of overlapping zones counted it; the later count stands",
        Case.Kind.SERIAL_IN_TWO_PLACES: "the serial was counted more than once",
        Case.Kind.VARIANCE_OVER_LIMIT: "the variance is over the limit",
    }[kind]
    return Trouble(
        kind=kind,
        key=f"line:{line.uuid}",
        product=line.product,
        summary=f"{stocktake}: {line.product} at {line.location}, counted {plain(line.counted)}, "
        f"expected {plain(line.expected)}: {what}",
        evidence={
            "stocktake_id": stocktake.uuid,
            "line_id": line.uuid,
            "counted": plain(line.counted),
            "expected": plain(line.expected),
            "doubts": [_doubt(judged.movement, judged.delta, judged.why) for judged in finding.doubts],
        },
    )


def _doubt(movement: StockMovement, delta: Decimal, why: str) -> dict[str, Any]:
    return {"movement_id": movement.uuid, "quantity": plain(delta), "why": why, "at": movement.corrected_at}


def may_accept(line: StocktakeLine, policy: CountPolicy) -> bool:
    """Whether a variance may be accepted without another count."""
    if policy.recount == "optional" or policy.passes == 1 or "assumed_zero" in line.flags:
        return True
    if policy.allows(variance=line.variance or Decimal(0), expected=line.expected or Decimal(0)):
        return True
    exhausted = len(line.passes) >= policy.passes and bool(counted_by_others(line.passes))
    return exhausted or agreeing(line.passes, tolerance=policy.tolerance)
