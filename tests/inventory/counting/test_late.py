"""Posting, undoing, and all that comes late: nothing is dropped, nothing is taken out twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from inventory.errors.cases import CaseClosed
from inventory.errors.counting import LineTransition, StocktakeTransition
from inventory.models import Case, StockMovement, StocktakeLine
from inventory.services.counting import decisions, late, posting, sheets, stocktakes
from inventory.services.counting.work import STEPS
from inventory.services.ledger import prove_ledger
from inventory.services.movements import reverse_movement
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after, operation

pytestmark = pytest.mark.django_db


def posted(counted: int = 7, *, at: datetime | None = None, sequence: int = 1) -> Desk:
    """10 in the book, so many counted by the first installation at noon and posted."""
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), counted, at or after(), base=desk.head, sequence=sequence))
    return finish(desk)


def finish(desk: Desk) -> Desk:
    desk.close()
    if desk.line.state == "variance":
        desk.accept()
    desk.post()
    return desk


def again(desk: Desk) -> None:
    """The next stocktake of the same shop."""
    made = stocktakes.create_stocktake(device=desk.device, actor=BOSS, name="Summer", policy={"recount": "optional"})
    desk.key, desk.stocktake_id = made.pk, made.uuid
    desk.open()


def test_posting_books_the_variance_as_of_the_count() -> None:
    desk = posted()
    movement = desk.line.movement
    assert (desk.stocktake.state, desk.level, desk.line.state) == ("posted", 7, "posted")
    assert (movement.kind, movement.quantity, movement.reason, movement.from_location) == (
        "count",
        3,
        "missing",
        desk.place,
    )
    assert (movement.occurred_at, movement.reference) == (after(), f"stocktake:{desk.stocktake_id}")
    assert posted(10).line.movement is None
    assert posted(12).level == 12


def test_what_changed_since_the_decision_goes_back_to_review() -> None:
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=1))
    desk.close()
    desk.accept()
    stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    desk.push(desk.moves(-1, after(minutes=-30)), who=1)
    stocktakes.post_stocktake(desk.stocktake, actor=BOSS)
    assert (desk.stocktake.state, desk.line.state, desk.line.variance, desk.line.flags) == (
        "review", "variance", -2, ["changed"],
    )  # fmt: skip
    assert desk.level == 9
    desk.accept()
    desk.post()
    assert (desk.level, desk.stocktake.state) == (7, "posted")


def test_decided_lines_post_while_others_are_counted_again() -> None:
    desk = Desk(recount="optional")
    other = factories.make_product(desk.device)
    for product in (desk.product, other):
        desk.stock(10, product_id=product.uuid)
    desk.open()
    sheet = desk.sheet()
    desk.count(sheet, 7)
    desk.count(sheet, 2, product_id=other.uuid)
    desk.close()
    desk.accept()
    decisions.recount_line(StocktakeLine.objects.get(product=other), actor=BOSS)
    again = stocktakes.start_recount(desk.stocktake, actor=BOSS, assigned_to=desk.installations[1].uuid)
    assert (again.name, again.pass_number, again.assigned_to) == ("Recount 2", 2, desk.installations[1].uuid)
    stocktakes.post_stocktake(desk.stocktake, actor=BOSS)
    assert (desk.stocktake.state, desk.line.state, desk.level) == ("counting", "posted", 7)
    stocktakes.cancel_stocktake(desk.stocktake, actor=BOSS)
    with pytest.raises(StocktakeTransition):
        stocktakes.delete_stocktake(desk.stocktake, actor=BOSS)  # a part of it is in the ledger
    assert not desk.stocktake.is_deleted
    posting.reverse_line(desk.line, actor=BOSS)
    assert stocktakes.delete_stocktake(desk.stocktake, actor=BOSS).is_deleted
    assert not StocktakeLine.objects.exists()


def test_a_book_that_is_kept_moves_nothing() -> None:
    for action in ("reject", "excuse"):
        desk = Desk(recount="optional")
        desk.stock(10)
        desk.counted(7)
        decisions.decide_line(desk.line, action=action, actor=BOSS)
        desk.post()
        assert (desk.level, desk.line.state, desk.line.movement) == (10, "posted", None)
        desk.push(desk.moves(-1, after(days=-3)), who=1)
        assert desk.cases("late_movement") == []


def test_a_stocktake_is_undone_by_inverse_movements() -> None:
    desk = posted()
    desk.stock(5)
    stocktakes.reverse_stocktake(stocktakes.finish_stocktake(desk.stocktake, actor=BOSS), actor=BOSS)
    assert (desk.level, desk.line.state, desk.stocktake.state) == (15, "reversed", "reversed")
    assert StockMovement.objects.get(reverses=desk.line.movement).kind == "adjustment"
    assert desk.cases("late_movement") == []


def test_what_somebody_reversed_already_is_not_reversed_twice() -> None:
    desk = posted()
    reverse_movement(desk.line.movement, actor=BOSS)
    assert (desk.level, desk.cases("late_movement")) == (10, [])
    posting.reverse_line(desk.line, actor=BOSS)
    assert (desk.level, desk.line.state) == (10, "reversed")


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (after(minutes=-30), "clock_earlier"),
        (after(minutes=-1), "clock_close"),
        (after(minutes=1), "clock_close"),
        (after(minutes=30), None),
        (None, None),  # it happened as it came
    ],
)
def test_a_movement_of_before_a_posted_count_is_a_case(at: datetime | None, why: str | None) -> None:
    desk = posted()
    desk.push(desk.moves(-2, at), who=1)
    assert [case.evidence["why"] for case in desk.cases("late_movement")] == ([why] if why else [])
    for case in desk.cases("late_movement"):
        assert (case.evidence["quantity"], case.evidence["line_id"]) == ("-2", str(desk.line.uuid))
        assert ("may have happened" in case.summary) == (why == "clock_close")


def test_absorbing_takes_it_out_once() -> None:
    desk = posted()
    desk.push(desk.moves(-2, after(minutes=-30)), who=1)
    (case,) = desk.cases("late_movement")
    adjustment = late.absorb_movement(case, actor=BOSS)
    assert (desk.level, adjustment.kind, adjustment.to_location) == (7, "adjustment", desk.place)
    assert case.evidence["movement_id"] in adjustment.note
    case.refresh_from_db()
    assert (case.state, str(adjustment.uuid) in case.resolution) == ("resolved", True)
    for action in (late.absorb_movement, late.keep_movement):
        with pytest.raises(CaseClosed):
            action(case, actor=BOSS)
    assert (desk.level, len(desk.cases("late_movement"))) == (7, 1)
    assert prove_ledger(desk.device).drifts == []


def test_keeping_leaves_the_level() -> None:
    desk = posted()
    desk.push(desk.moves(2, after(minutes=-1)), who=1)
    kept = late.keep_movement(desk.cases("late_movement")[0], actor=BOSS)
    assert (desk.level, kept.state, kept.resolution) == (9, "waived", "kept: the count had not seen it")


def test_reversing_a_line_takes_back_what_it_absorbed() -> None:
    desk = posted()
    desk.push(desk.moves(2, after(minutes=-30)), who=1)
    late.absorb_movement(desk.cases("late_movement")[0], actor=BOSS)
    desk.push(desk.moves(4, after(minutes=-40)), who=1)
    posting.reverse_line(desk.line, actor=BOSS)
    assert desk.level == 16  # the book, and both that came late
    waiting = Case.objects.get(kind="late_movement", state="open")
    with pytest.raises(LineTransition):
        late.absorb_movement(waiting, actor=BOSS)
    assert (desk.level, Case.objects.get(pk=waiting.pk).state) == (16, "open")


def test_what_was_absorbed_is_before_a_later_count() -> None:
    """The next count is under way while the case is decided: it is not booked twice."""
    desk = posted()
    base = desk.head
    again(desk)
    sheet = desk.sheet()
    desk.push(desk.counts(sheet, 7, after(hours=5), base=base, sequence=2))
    desk.push(desk.moves(2, after(minutes=-30)), who=1)
    (case,) = desk.cases("late_movement")
    late.absorb_movement(case, actor=BOSS)
    finish(desk)
    assert (desk.line.expected, desk.line.variance, desk.level) == (7, 0, 7)


def test_of_two_counts_only_the_last_one_gets_the_case() -> None:
    desk = posted()
    again(desk)
    desk.push(desk.counts(desk.sheet(), 7, after(hours=5), base=desk.head, sequence=2))
    finish(desk)
    desk.push(desk.moves(2, after(minutes=-30)), who=1)
    (case,) = desk.cases("late_movement")
    assert case.evidence["line_id"] == str(desk.line.uuid)
    late.absorb_movement(case, actor=BOSS)
    assert desk.level == 7


def test_an_operation_that_was_overtaken_is_late_whatever_its_clock_says() -> None:
    """It was refused while its location was unknown; when it comes, its number tells that the count had seen it."""
    desk = Desk(recount="optional")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    place = factories.make_location(desk.device).uuid
    unknown = str(place)[:-1] + ("0" if str(place)[-1] != "0" else "1")
    move = desk.moves(-2, after(hours=9), sequence=1)
    move["data"] |= {"kind": "transfer", "from_location_id": str(desk.place.uuid), "to_location_id": unknown}
    desk.push(move, desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=2))
    finish(desk)
    desk.push(operation("locations", {"name": "Bay"}, id=unknown), who=1)
    assert desk.push(move).results[0].status == "applied"
    (case,) = desk.cases("late_movement")
    assert (case.evidence["why"], case.evidence["quantity"]) == ("own_earlier", "-2")


def test_a_line_counted_by_word_or_assumption_has_its_time_alone() -> None:
    desk = Desk(not_counted="zero_with_approval")
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.close()
    desk.accept()
    desk.post()
    desk.push(desk.moves(2, timezone.now() - timedelta(hours=1)), who=1)
    assert [case.evidence["why"] for case in desk.cases("late_movement")] == ["clock_earlier"]


def test_the_reversal_of_what_a_posted_count_had_in_it_is_late_too() -> None:
    desk = Desk(recount="optional")
    wrong = desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    desk.push(desk.counts(desk.sheet(), 7, after(), base=desk.head, sequence=1))
    finish(desk)
    reverse_movement(wrong, actor=BOSS)
    (case,) = desk.cases("late_movement")
    late.absorb_movement(case, actor=BOSS)
    assert desk.level == 7


@pytest.mark.parametrize("how", ["sealed", "abandoned", "posted", "cancelled", "passed"])
def test_a_late_count_is_kept_with_a_case_and_counts_for_nothing(how: str) -> None:
    desk = Desk(recount="optional")
    desk.stock(10)
    desk.open()
    sheet = desk.sheet()
    desk.count(sheet, 7)
    sheet.refresh_from_db()
    if how == "abandoned":
        sheets.abandon_sheet(sheet, actor=BOSS)
    elif how == "sealed":
        sheets.submit_sheet(sheet, actor=BOSS)
    elif how == "cancelled":
        stocktakes.cancel_stocktake(desk.stocktake, actor=BOSS)
    else:
        desk.close()
        if how == "posted":
            desk.accept()
            desk.post()
        else:
            decisions.recount_line(desk.line, actor=BOSS)
            stocktakes.start_recount(desk.stocktake, actor=BOSS)
    before: Any = desk.line.state, desk.line.revision, desk.level
    entry = desk.count(sheet, 4)
    assert entry.is_late
    assert (desk.line.state, desk.line.revision, desk.level) == before
    (case,) = desk.cases("late_count")
    assert case.evidence["ids"] == [str(entry.uuid)]
    assert "4 pcs of Oat milk came after counting had ended" in case.summary


def test_a_stocktake_without_lines_is_posted_and_undone_all_the_same() -> None:
    desk = Desk()
    desk.open()
    desk.close()
    desk.post()
    assert stocktakes.reverse_stocktake(desk.stocktake, actor=BOSS).state == "reversed"
    assert not StockMovement.objects.exists()


@pytest.mark.parametrize("step", ["prepare", "evaluate", "post", "reverse"])
def test_a_step_that_comes_when_it_is_over_does_nothing(step: str) -> None:
    """The job of a stocktake may run after somebody cancelled it."""
    desk = Desk()
    desk.stock(10)
    stocktakes.cancel_stocktake(desk.stocktake, actor=BOSS)
    before = desk.head
    assert STEPS[step](desk.stocktake, actor=BOSS) == 0
    assert (desk.head, StocktakeLine.objects.count()) == (before, 0)


def test_the_counts_of_another_place_do_not_matter_to_a_late_movement() -> None:
    desk = Desk(recount="optional")
    bay = factories.make_location(desk.device)
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    sheet, base = desk.sheet(), desk.head
    at_bay = desk.counts(sheet, 3, after(), base=base, sequence=2, data={"location_id": str(bay.uuid)})
    desk.push(desk.counts(sheet, 10, after(), base=base, sequence=1), at_bay)
    desk.close()
    decisions.reject_line(StocktakeLine.objects.get(location=bay), actor=BOSS)
    desk.post()
    desk.push(desk.moves(1, after(minutes=-30)), who=1)
    (case,) = desk.cases("late_movement")
    assert case.evidence["line_id"] == str(StocktakeLine.objects.get(location=desk.place).uuid)
