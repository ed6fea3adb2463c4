"""What a count is compared with, through pushes: bases, own order, clocks, retries, duplicates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from devices.services.feed import take_revisions
from inventory.errors import SyncSequenceGap
from inventory.models import CountEntry, StockMovement, StocktakeLine
from inventory.services.counting.entries import record_entry
from inventory.services.counting.explanation import SENTENCES, explain_line
from inventory.services.movements import reverse_movement
from tests.inventory.counting.desk import BOSS, Desk, after, operation

pytestmark = pytest.mark.django_db


def opened(**policy: Any) -> tuple[Desk, Any]:
    desk = Desk(recount="optional", **policy)
    desk.stock(40, occurred_at=after(days=-1))
    desk.open()
    return desk, desk.sheet()


def told(line: StocktakeLine) -> tuple[Any, ...]:
    return line.state, line.expected, line.variance, line.flags


def test_online_a_count_knows_what_the_server_knows() -> None:
    desk, sheet = opened()
    desk.stock(5)
    entry = desk.count(sheet, 45)
    desk.stock(7)
    assert entry.counted_at == entry.received_at
    desk.close()
    assert told(desk.line) == ("matched", 45, 0, [])


def test_a_count_that_tells_its_time_is_not_online() -> None:
    """Over REST, too: what came meanwhile is judged by the clocks."""
    desk, sheet = opened()
    base = desk.head
    now = timezone.now()
    desk.push(desk.moves(5, now - timedelta(minutes=30)), who=1)
    desk.count(sheet, 40, counted_at=now - timedelta(hours=1), base_revision=base)
    desk.close()
    assert told(desk.line) == ("matched", 40, 0, [])
    entry = record_entry(
        device=desk.device, actor=BOSS, sheet_id=sheet.uuid, product_id=desk.product.uuid, base_revision=base
    )
    assert (entry.counted_at, entry.base_revision, entry.is_late) == (None, base, True)


@pytest.mark.parametrize(
    ("base", "pushed", "expected", "flags"),
    [
        ("before", "before", 40, ["ambiguous"]),  # a minute apart, and not known
        ("after", "before", 45, []),  # the entry's own base decides
        ("before", "after", 45, ["ambiguous"]),  # pulled before the push: likely, not sure
        (None, "after", 45, ["ambiguous"]),
        (None, None, 40, ["ambiguous"]),
    ],
)
def test_the_base_of_the_entry_decides_and_the_pushs_is_a_hint(
    base: str | None, pushed: str | None, expected: int, flags: list[str]
) -> None:
    desk, sheet = opened()
    heads: dict[str | None, int | None] = {None: None, "before": desk.head}
    desk.push(desk.moves(5, after(minutes=-1)), who=1)
    heads["after"] = desk.head
    desk.push(desk.counts(sheet, 40, after(), base=heads[base], sequence=1), base=heads[pushed])
    desk.close()
    assert (desk.line.expected, desk.line.flags) == (expected, flags)
    assert bool(desk.cases("ambiguous_movement")) == bool(flags)
    if flags:
        movement = StockMovement.objects.order_by("revision").last()
        assert desk.line.doubts == [str(movement.uuid)]
        assert desk.line.state == "variance"  # never matched by itself


def test_a_base_beyond_the_feed_is_worth_no_more_than_the_feed() -> None:
    desk, sheet = opened()
    desk.push(desk.counts(sheet, 40, after(), base=10_000, sequence=1))
    desk.push(desk.moves(5, after(minutes=-30)), who=1)
    desk.close()
    assert told(desk.line)[1:] == (45, -5, [])


def test_in_one_push_the_installations_own_order_counts() -> None:
    desk, sheet = opened()
    desk.push(
        desk.moves(-3, after(minutes=9), sequence=1),  # its clock went back since: the order stands
        desk.counts(sheet, 37, after(minutes=5), sequence=2),
        desk.moves(12, after(minutes=6), sequence=3),
        base=desk.head,
    )
    desk.close()
    assert told(desk.line) == ("matched", 37, 0, [])


def test_what_is_numbered_later_but_said_to_be_earlier_is_logging_lag() -> None:
    desk, sheet = opened()
    desk.push(
        desk.counts(sheet, 37, after(), sequence=1), desk.moves(-3, after(minutes=-5), sequence=2), base=desk.head
    )
    desk.close()
    assert told(desk.line) == ("variance", 40, -3, ["logging_lag"])


def test_a_refused_movement_that_comes_later_keeps_its_place() -> None:
    """Its location was not there yet: it is refused for a while, and the count behind it is not."""
    desk, sheet = opened()
    place = uuid4()
    late = desk.moves(-3, after(minutes=30), sequence=1)
    late["data"] |= {"kind": "transfer", "to_location_id": str(place), "from_location_id": str(desk.place.uuid)}
    results = desk.push(late, desk.counts(sheet, 37, after(), sequence=2), base=desk.head).results
    assert [result.retryable for result in results] == [True, False]
    desk.push(operation("locations", {"name": "Bay"}, id=place), who=1)
    assert desk.push(late).results[0].status == "applied"
    desk.close()
    line = StocktakeLine.objects.get(location=desk.place)
    assert told(line) == ("matched", 37, 0, [])


def test_a_retried_push_counts_once_and_a_gap_stores_nothing() -> None:
    desk, sheet = opened()
    ops = [desk.counts(sheet, 39, after(), sequence=1), desk.moves(-1, after(minutes=9), sequence=2)]
    desk.push(*ops, base=desk.head)
    assert [result.status for result in desk.push(*ops, base=desk.head).results] == ["duplicate", "duplicate"]
    with pytest.raises(SyncSequenceGap):
        desk.push(desk.counts(sheet, 5, after(minutes=20), sequence=4))
    desk.close()
    assert CountEntry.objects.count() == 1
    assert told(desk.line) == ("variance", 40, -1, [])


def test_clocks_are_put_right_before_they_decide() -> None:
    """The till's clock is three hours fast: what it says was at two was an hour before the count."""
    desk, sheet = opened()
    base = desk.head
    desk.push(desk.counts(sheet, 45, after(), base=base, sequence=1))
    desk.push(desk.moves(5, after(hours=2)), who=1, offset=timedelta(hours=-3))
    desk.close()
    assert told(desk.line) == ("matched", 45, 0, [])


def test_a_count_without_a_time_doubts_only_what_came_since_the_opening() -> None:
    desk, sheet = opened()
    desk.push(desk.moves(2, after(minutes=-30)), who=1)  # long before the opening, which is now
    desk.push(desk.counts(sheet, 42, None, sequence=1))
    desk.close()
    assert told(desk.line) == ("matched", 42, 0, [])
    desk, sheet = opened()
    desk.push(desk.moves(2, timezone.now()), who=1)
    desk.push(desk.counts(sheet, 42, None, sequence=1))
    desk.close()
    assert told(desk.line) == ("variance", 40, 2, ["ambiguous"])


def test_what_was_recorded_by_mistake_and_reversed_later_never_was() -> None:
    desk, sheet = opened()
    wrong = desk.stock(5)
    desk.count(sheet, 40)
    reverse_movement(wrong, actor=BOSS)
    desk.close()
    assert told(desk.line) == ("matched", 40, 0, [])


def test_everything_behind_a_number_is_told() -> None:
    desk, sheet = opened()
    base = desk.head
    desk.push(desk.moves(5, after(minutes=-1)), who=1)
    desk.push(
        desk.moves(-3, after(minutes=-9), sequence=1),
        desk.counts(sheet, 36, after(), base=base, sequence=2, data={"note": "by hand"}),
    )
    desk.close()
    before = desk.head
    told = explain_line(desk.line)
    assert desk.head == before == take_revisions(desk.device, 0).start - 1
    assert (told["level_now"], told["stored"]["expected"], told["flags"]) == ("42", "37", ["ambiguous"])
    assert told["sentence"] == (
        "Counted 36 pcs in pass 1; expected 37 pcs: the level less 1 later movement. Variance -1 pcs. "
        "Nobody can tell of 1 movement whether before the count."
    )
    (one,) = told["passes"]
    assert [(row["quantity"], row["why"]) for row in one["movements"]] == [("5", "clock_close"), ("-3", "own_earlier")]
    assert all(row["because"] == SENTENCES[row["why"]] for row in one["movements"])
    assert (one["entries"][0]["note"], one["entries"][0]["sequence"], told["decision"]) == ("by hand", 2, None)
    desk.accept(note="looked at it")
    desk.post()
    told = explain_line(desk.line)
    assert told["decision"]["movement_id"] == desk.line.movement.uuid
    assert (told["decision"]["by"], told["decision"]["reason"]) == ("Boss", "missing")
    assert told["history"][0]["action"] == "posted"


def test_a_line_nobody_counted_says_so() -> None:
    desk, _ = opened()
    desk.close()
    told = explain_line(desk.line)
    assert (told["sentence"], told["passes"], told["lot"]) == ("Nobody counted it.", [], None)
