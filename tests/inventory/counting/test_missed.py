"""When a later count is reversed, the earlier one is the last again: what came late to it becomes its case."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventory.models import Case, StocktakeLine
from inventory.services.counting import decisions, late, posting, sheets, stocktakes
from inventory.services.counting.entries import record_entry
from inventory.services.ledger import prove_ledger
from inventory.services.movements import reverse_movement
from tests import factories
from tests.inventory.counting.desk import BOSS, CLERK, Desk, after, operation
from tests.inventory.counting.test_costs import measured
from tests.inventory.counting.test_late import again, finish, posted

pytestmark = pytest.mark.django_db


def count_again(desk: Desk, quantity: int, hours: float, sequence: int) -> StocktakeLine:
    """Another stocktake, counted so many hours after noon and posted; its line."""
    again(desk)
    desk.push(desk.counts(desk.sheet(), quantity, after(hours=hours), base=desk.head, sequence=sequence))
    finish(desk)
    return desk.line


def twice() -> tuple[Desk, StocktakeLine, StocktakeLine]:
    """7 of 10 were counted at noon and posted, and 7 again five hours later."""
    desk = posted()
    first = desk.line
    return desk, first, count_again(desk, 7, 5, 2)


def told(desk: Desk) -> list[tuple[str, str, str]]:
    """The late movements: which line, how many, in which state."""
    return [(case.evidence["line_id"], case.evidence["quantity"], case.state) for case in desk.cases("late_movement")]


def test_what_only_the_later_count_was_told_of_is_the_earlier_ones_case() -> None:
    desk, first, second = twice()
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    late.absorb_movement(desk.cases("late_movement")[0], actor=BOSS)
    assert (desk.level, told(desk)) == (7, [(str(second.uuid), "-2", "resolved")])
    posting.reverse_line(second, actor=BOSS)
    assert desk.level == 5  # what the later count had put right is gone
    assert told(desk)[1:] == [(str(first.uuid), "-2", "open")]
    case = desk.cases("late_movement")[1]
    assert (case.evidence["why"], "happened before the count of Spring" in case.summary) == ("clock_earlier", True)
    late.absorb_movement(case, actor=BOSS)
    assert (desk.level, prove_ledger(desk.device).drifts) == (7, [])


def test_reversing_a_whole_stocktake_does_the_same() -> None:
    desk, first, _ = twice()
    desk.push(desk.moves(-2, after(minutes=-1)), who=1)
    late.keep_movement(desk.cases("late_movement")[0], actor=BOSS)
    stocktakes.reverse_stocktake(desk.stocktake, actor=BOSS)
    assert told(desk)[1:] == [(str(first.uuid), "-2", "open")]
    assert "may have happened" in desk.cases("late_movement")[1].summary


def test_what_is_surely_after_the_earlier_count_is_none_of_its_business() -> None:
    desk, _, second = twice()
    desk.push(desk.moves(-2, after(hours=2)), who=1)
    desk.stock(3)  # as it comes
    before = told(desk)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == before == [(str(second.uuid), "-2", "open")]


def test_what_had_its_case_with_the_earlier_count_is_not_asked_again() -> None:
    """It came between the two, when the earlier count was the last one, and was decided then."""
    desk = posted()
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    late.absorb_movement(desk.cases("late_movement")[0], actor=BOSS)
    second = count_again(desk, 7, 5, 2)
    before = told(desk)
    posting.reverse_line(second, actor=BOSS)
    assert (told(desk), desk.level) == (before, 7)
    assert len(before) == 1


def test_what_the_earlier_count_was_posted_with_is_in_it() -> None:
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=1))
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    finish(desk)
    second = count_again(desk, 7, 5, 2)
    posting.reverse_line(second, actor=BOSS)
    assert (told(desk), desk.level) == ([], 7)


def test_of_the_counts_that_are_left_the_last_one_decides() -> None:
    """The middle one was posted with the movement in the book: it put right what the first one had left."""
    desk = posted()
    first = desk.line
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    count_again(desk, 7, 5, 2)
    third = count_again(desk, 7, 9, 3)
    desk.push(desk.moves(-1, after(hours=1)), who=1)
    posting.reverse_line(third, actor=BOSS)
    second = StocktakeLine.objects.filter(state="posted").order_by("counted_at").last()
    assert told(desk) == [
        (str(first.uuid), "-2", "open"), (str(third.uuid), "-1", "open"), (str(second.uuid), "-1", "open"),
    ]  # fmt: skip


def test_what_was_taken_back_since_cancels_out() -> None:
    desk, first, second = twice()
    wrong = desk.push(desk.moves(-2, after(minutes=-30)), who=1).results[0].row
    reverse_movement(wrong, actor=BOSS)
    assert len(told(desk)) == 2
    posting.reverse_line(second, actor=BOSS)
    assert {line for line, *_ in told(desk)} == {str(second.uuid)}
    assert str(first.uuid) != str(second.uuid)


def test_what_the_earlier_count_had_in_it_and_was_taken_back_since_is_missing() -> None:
    desk = Desk(recount="optional")
    wrong = desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=1))
    finish(desk)
    first = desk.line
    second = count_again(desk, 7, 5, 2)
    reverse_movement(wrong, actor=BOSS)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == [(str(second.uuid), "-10", "open"), (str(first.uuid), "-10", "open")]


def test_an_operation_that_was_overtaken_is_late_whatever_its_clock_says() -> None:
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    bay = factories.make_location(desk.device).uuid
    unknown = str(bay)[:-1] + ("0" if str(bay)[-1] != "0" else "1")
    move = desk.moves(-2, after(days=9), sequence=1)
    move["data"] |= {"kind": "transfer", "from_location_id": str(desk.place.uuid), "to_location_id": unknown}
    desk.push(move, desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=2))
    finish(desk)
    first = desk.line
    second = count_again(desk, 7, 5, 3)
    desk.push(operation("locations", {"name": "Bay"}, id=unknown), who=1)
    assert desk.push(move).results[0].status == "applied"
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == [(str(second.uuid), "-2", "open"), (str(first.uuid), "-2", "open")]


@pytest.mark.parametrize("offset", [timedelta(hours=-1), timedelta(days=-30)])
def test_clocks_are_put_right_before_they_decide(offset: timedelta) -> None:
    desk, first, second = twice()
    desk.push(desk.moves(-2, after(minutes=-30) - offset), who=1, offset=offset)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == [(str(second.uuid), "-2", "open"), (str(first.uuid), "-2", "open")]


def test_a_count_by_word_has_its_time_alone_here_too() -> None:
    """The earlier line has no entries of its own: its place was confirmed empty."""
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    empty = {"sheet_id": str(desk.sheet().uuid), "mode": "empty", "counted_at": after().isoformat()}
    desk.push(operation("count_entries", {**empty, "base_revision": desk.head}, sequence=1))
    finish(desk)
    first = desk.line
    second = count_again(desk, 0, 5, 2)
    desk.push(desk.moves(2, after(minutes=-30)), who=1)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk)[1:] == [(str(first.uuid), "2", "open")]


def test_another_bucket_of_the_product_is_not_looked_at() -> None:
    desk, _, second = twice()
    bay = factories.make_location(desk.device)
    move = desk.moves(2, after(minutes=-30))
    move["data"]["to_location_id"] = str(bay.uuid)
    desk.push(move, who=1)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == []


def test_many_lines_cost_what_few_do() -> None:
    costs = []
    for number in (2, 20):
        desk = Desk(recount="optional")
        products = [factories.make_product(desk.device) for _ in range(number)]
        for product in products:
            desk.stock(10, product_id=product.uuid, occurred_at=after(days=-1))
        desk.open()
        for hours in (0, 5):
            sheet = desk.sheet()
            ops = [desk.counts(sheet, 7, after(hours=hours), base=desk.head) for _ in products]
            for op, product in zip(ops, products, strict=True):
                op["data"]["product_id"] = str(product.uuid)
            desk.push(*ops)
            sheets.submit_sheet(sheet, actor=BOSS)
            stocktakes.close_stocktake(desk.stocktake, actor=BOSS)
            lines = list(StocktakeLine.objects.filter(stocktake=desk.key, state="variance"))
            decisions.decide_lines(desk.stocktake, lines, action="accept", actor=BOSS, reason="missing")
            desk.post()
            if hours == 0:
                again(desk)
        ops = [desk.moves(-2, after(minutes=-30)) for _ in products]
        for op, product in zip(ops, products, strict=True):
            op["data"]["product_id"] = str(product.uuid)
        desk.push(*ops, who=1)
        costs.append(measured(stocktakes.reverse_stocktake, desk.stocktake, actor=BOSS))
        cases: Any = Case.objects.filter(device=desk.device, kind="late_movement")
        assert cases.count() == 2 * number
    assert costs[1] <= costs[0] + 2  # SQLite writes many columns in parts


def test_a_count_by_people_alone_is_looked_at_as_well() -> None:
    """No installation, so no order of its own: times decide."""
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    told_by_people = {"product_id": desk.product.uuid, "quantity": Decimal(7), "counted_at": after()}
    record_entry(device=desk.device, sheet_id=desk.sheet().uuid, actor=CLERK, **told_by_people)
    finish(desk)
    first = desk.line
    second = count_again(desk, 7, 5, 1)
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    posting.reverse_line(second, actor=BOSS)
    assert told(desk) == [(str(second.uuid), "-2", "open"), (str(first.uuid), "-2", "open")]
