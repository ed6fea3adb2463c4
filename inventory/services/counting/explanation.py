"""Why is this 7? Everything behind one line: counts, movements before, after and in doubt, and the sum."""

from __future__ import annotations

from typing import Any

from config.core.quantities import counted, plain
from config.core.wire import wire_time
from devices.models import Event
from inventory.models import CountEntry, ScanEvent, StocktakeLine
from inventory.services.counting.evaluation import Result, find_results

SENTENCES = {
    "known": "the counter had pulled it, or counted online after it",
    "own_earlier": "the counter's own movement, made before the count",
    "own_later": "the counter's own movement, made after the count",
    "logging_lag": "the counter's own, entered after the count but said to have happened before it",
    "clock_earlier": "not known to the counter, more than two minutes earlier by the corrected clocks",
    "clock_later": "more than two minutes later by the corrected clocks",
    "clock_close": "not known to the counter, and too close to the count for the clocks to tell",
    "untimed": "not known to the counter, and the count does not say when it was made",
    "pulled_close": "pulled before the counts were pushed, and too close to the count for the clocks to tell",
    "pulled_later": "pulled before the counts were pushed, but later than the count by the clocks",
    "after_receipt": "it happened when the count had arrived already",
    "own_posting": "what was posted for this line, or takes that back",
    "while_counting": "between the first and the last count that make up this total",
}


def explain_line(line: StocktakeLine) -> dict[str, Any]:
    """The whole explanation as plain values, newest evidence included; computed afresh, nothing is written."""
    finding = find_results(line.stocktake, [line])[0]
    last = finding.last
    return {
        "line_id": line.uuid,
        "product": {"id": line.product.uuid, "name": line.product.name, "unit": line.product.unit},
        "location": {"id": line.location.uuid, "name": line.location.name},
        "lot": {"id": line.lot.uuid, "code": line.lot.code} if line.lot else None,
        "state": line.state,
        "flags": list(finding.flags),
        "level_now": plain(finding.level),
        "stored": _stored(line),
        "passes": [_pass(result) for result in finding.results],
        "sentence": _sentence(line, last),
        "decision": _decision(line),
        "history": _history(line),
    }


def _stored(line: StocktakeLine) -> dict[str, Any]:
    quantities = {name: getattr(line, name) for name in ("counted", "expected", "variance")}
    return {
        **{name: None if value is None else plain(value) for name, value in quantities.items()},
        "head": line.head,
        "counted_at": None if line.counted_at is None else wire_time(line.counted_at),
    }


def _pass(result: Result) -> dict[str, Any]:
    return {
        **result.as_json(),
        "entries": [_entry(entry) for entry in result.tally.entries],
        "movements": [
            {
                "id": judged.movement.uuid,
                "kind": judged.movement.kind,
                "quantity": plain(judged.delta),
                "occurred_at": wire_time(judged.movement.occurred_at),
                "corrected_at": wire_time(judged.movement.corrected_at),
                "received_at": wire_time(judged.movement.received_at),
                "revision": judged.movement.revision,
                "expected": judged.before,
                "in_doubt": judged.doubt,
                "why": judged.why,
                "because": SENTENCES[judged.why],
            }
            for judged in result.judged
        ],
    }


def _entry(entry: CountEntry) -> dict[str, Any]:
    scan: ScanEvent | None = entry.scan
    return {
        "id": entry.uuid,
        "sheet_id": entry.sheet.uuid,
        "sheet": str(entry.sheet),
        "mode": entry.mode,
        "quantity": plain(entry.quantity),
        "counter": entry.counter_name,
        "installation_id": entry.installation.uuid if entry.installation else None,
        "counted_at": None if entry.counted_at is None else wire_time(entry.counted_at),
        "corrected_at": wire_time(entry.corrected_at),
        "received_at": wire_time(entry.received_at),
        "clock_offset_ms": entry.clock_offset_ms,
        "sequence": entry.sequence,
        "base_revision": entry.base_revision if entry.base_revision is not None else entry.pushed_base,
        "code": scan.code if scan else None,
        "note": entry.note,
    }


def _sentence(line: StocktakeLine, last: Result | None) -> str:
    unit = line.product.unit
    if last is None:
        return "Nobody counted it."
    after = [judged for judged in last.judged if not judged.before]
    told = (
        f"Counted {plain(last.tally.counted)} {unit} in pass {last.tally.pass_number}; "
        f"expected {plain(last.expected)} {unit}: the level less {counted(len(after), 'later movement')}. "
        f"Variance {plain(last.variance)} {unit}."
    )
    doubts = len(last.doubts)
    return f"{told} Nobody can tell of {counted(doubts, 'movement')} whether before the count." if doubts else told


def _decision(line: StocktakeLine) -> dict[str, Any] | None:
    if not line.decided_by:
        return None
    return {
        "by": line.decided_by_name,
        "at": None if line.decided_at is None else wire_time(line.decided_at),
        "reason": line.reason,
        "note": line.note,
        "movement_id": line.movement.uuid if line.movement else None,
    }


def _history(line: StocktakeLine) -> list[dict[str, Any]]:
    return [
        {"action": event.action, "by": event.actor_name, "at": wire_time(event.created_at), "revision": event.revision}
        for event in Event.objects.about(line)
    ]
