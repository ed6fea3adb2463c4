"""Unread scans: codes that nobody knew when they were scanned, counted once somebody does."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from devices.actors import Actor
from devices.services.owned import insert_owned
from inventory.errors.counting import ScanAlreadyCounted, ScanStillUnknown
from inventory.models import CountEntry, CountSheet, ScanEvent, Stocktake, StocktakeLine
from inventory.models.lines import Line
from inventory.models.stocktakes import COUNTABLE, State
from inventory.services.counting.entries import begin_counting, buckets_of, report_late, stocktakes_of
from inventory.services.counting.judgement import FINAL, judge_lines, lock_and_head
from inventory.services.counting.preparation import touch_lines
from inventory.services.counting.scans import entry_of_scan, meet_lots
from inventory.services.counting.states import move_stocktake
from inventory.services.levels import line_uuid
from inventory.services.scan import read_codes

JUDGED = (State.REVIEW, State.APPROVED)  # evaluated, and what is found out now still counts


@transaction.atomic
def count_scan(scan: ScanEvent, *, actor: Actor) -> CountEntry:
    """Count a scan that nobody could read as what its code stands for by now. The scan stays as it came.

    Who scanned it has counted it, where and when it was scanned, whenever that is found out: a line that was evaluated
    is judged again, and an approved stocktake may go back to review. What can count no more is kept with a case.
    Raises ScanAlreadyCounted, ScanStillUnknown.
    """
    head = lock_and_head(scan.device)
    related = ("device", "sheet__stocktake", "sheet__device", "location", "installation")
    event: ScanEvent = ScanEvent.objects.select_related(*related).get(pk=scan.pk)
    if not ScanEvent.objects.uncounted().filter(pk=event.pk).exists():
        raise ScanAlreadyCounted
    known = read_codes(event.device, [event.code])
    if event.code not in known or known[event.code].product is None:
        raise ScanStillUnknown
    lots = meet_lots(event.device, known, actors={event.code: actor})
    entry = entry_of_scan(event, known[event.code], lot=lots.get(event.code))
    entry.counter, entry.counter_name = event.counter, event.counter_name
    stocktakes = stocktakes_of([entry])
    stocktake = stocktakes[event.sheet.stocktake_id]
    entry.is_late = event.is_late or not _counts(entry, stocktake)
    insert_owned(entry, actor=actor)
    report_late([entry], stocktakes, device=event.device, actor=actor)
    if not entry.is_late:
        _count(entry, stocktake, head=head, actor=actor)
    return entry


def _counts(entry: CountEntry, stocktake: Stocktake) -> bool:
    """Whether what is on this sheet still counts for its bucket."""
    if entry.sheet.state == CountSheet.State.ABANDONED or entry.sheet.is_deleted:
        return False
    return stocktake.state in (*COUNTABLE, *JUDGED) and not _lines(entry, stocktake).filter(state__in=FINAL).exists()


def _lines(entry: CountEntry, stocktake: Stocktake) -> Any:
    (bucket,) = buckets_of([entry])
    return StocktakeLine.objects.filter(device=stocktake.device, uuid=line_uuid(stocktake, bucket))


def _count(entry: CountEntry, stocktake: Stocktake, *, head: int, actor: Actor) -> None:
    if stocktake.state in COUNTABLE:
        begin_counting(stocktake, {entry.sheet}, entry.installation, actor=actor)
    touch_lines(stocktake, list(buckets_of([entry])), actor=actor)
    if stocktake.state not in JUDGED:
        return
    waiting = _lines(entry, stocktake).exclude(state=Line.RECOUNT)  # that is judged once it was counted again
    lines = list(waiting.select_related("product", "location", "lot"))
    judge_lines(stocktake, lines, head=head, actor=actor)
    if stocktake.state == State.APPROVED and any(line.state == Line.VARIANCE for line in lines):
        move_stocktake(stocktake, "reopen", actor=actor, action="reopened")
