"""Who may decide what: others count again, four eyes, reasons, passes, and every part of the policy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from config.core.errors import AppError
from devices.actors import Actor
from devices.models import Event
from inventory.errors.counting import (
    CountPolicyInvalid,
    FourEyes,
    LinesUndecided,
    NothingToRecount,
    PassesExhausted,
    ReasonRequired,
    RecountRequired,
)
from inventory.models import CountSheet, Stocktake, StocktakeLine, read_policy
from inventory.services.cases import resolve_case
from inventory.services.counting import decisions, stocktakes
from tests import factories
from tests.inventory.counting.desk import BOSS, CLERK, Desk

pytestmark = pytest.mark.django_db


def varied(counted: int = 7, **policy: Any) -> Desk:
    """10 expected, so many counted by the first installation."""
    desk = Desk(**policy)
    desk.stock(10)
    desk.counted(counted)
    return desk


def refused(desk: Desk, error: type[AppError], **values: Any) -> None:
    before, events = desk.line.revision, Event.objects.count()
    with pytest.raises(error):
        desk.accept(**values)
    assert (desk.line.revision, Event.objects.count()) == (before, events)


def test_above_tolerance_somebody_else_counts_again() -> None:
    desk = varied()
    refused(desk, RecountRequired)
    line = desk.recounted(7, who=0)  # the same one
    assert (line.state, line.variance, len(line.passes)) == ("variance", -3, 2)
    refused(desk, RecountRequired)
    desk.recounted(6, who=1)  # another one, who found something else: the passes are used up
    assert desk.accept().state == "accepted"


def test_two_passes_of_different_counters_that_agree_beat_the_book() -> None:
    desk = varied()
    desk.recounted(7)
    line = desk.accept(reason="stolen", note="camera 3")
    assert (line.state, line.reason, line.note, line.decided_by_name) == ("accepted", "stolen", "camera 3", "Boss")
    desk.post()
    assert desk.level == 7


def test_the_pass_that_stands_must_be_the_one_that_agrees() -> None:
    desk = varied(passes=4)
    desk.recounted(7)
    desk.recounted(2)
    refused(desk, RecountRequired)


def test_agreement_allows_for_movements_between_the_passes() -> None:
    desk = varied()
    desk.stock(5)
    line = desk.recounted(12)
    assert [one["variance"] for one in line.passes] == ["-3", "-3"]
    assert desk.accept().state == "accepted"


def test_passes_that_were_not_counted_do_not_count() -> None:
    desk = varied(passes=2)
    decisions.recount_line(desk.line, actor=BOSS)
    stocktakes.start_recount(desk.stocktake, actor=BOSS)
    desk.close()
    assert (desk.line.state, desk.line.flags) == ("variance", ["not_recounted"])
    refused(desk, RecountRequired)
    with pytest.raises(PassesExhausted):
        decisions.recount_line(desk.line, actor=BOSS)
    assert decisions.reject_line(desk.line, actor=BOSS).state == "rejected"


def test_with_one_pass_there_is_nothing_to_wait_for() -> None:
    desk = varied(passes=1)
    assert desk.accept().state == "accepted"


def test_where_a_recount_is_optional_a_reason_is_enough() -> None:
    desk = varied(recount="optional")
    refused(desk, ReasonRequired, reason="")
    assert desk.accept().reason == "missing"


@pytest.mark.parametrize("action", ["accept", "reject", "excuse"])
@pytest.mark.parametrize("actor", ["installation", "user", "staff"])
def test_whoever_counted_cannot_decide(action: str, actor: str) -> None:
    """A person who counted as a user of the API is the same one as staff in the admin."""
    desk = Desk(recount="optional")
    desk.stock(10)
    desk.counted(7, actor=Actor("user", "2", "Clerk"))
    by = {"installation": desk.actors[0], "user": Actor("user", "2", "Clerk"), "staff": CLERK}[actor]
    before = desk.line.revision
    with pytest.raises(FourEyes):
        decisions.decide_line(desk.line, action=action, actor=by, reason="missing")
    assert desk.line.revision == before
    assert decisions.decide_line(
        desk.line, action=action, actor=Actor("user", "1", "Boss"), reason="missing"
    ).decided_by


def test_whoever_counted_in_any_pass_cannot_decide() -> None:
    desk = varied()
    desk.recounted(7)
    for actor in desk.actors:
        refused(desk, FourEyes, actor=actor)


@pytest.mark.parametrize("same_sheet", [True, False])
def test_whoever_counted_what_another_count_replaced_cannot_decide(same_sheet: bool) -> None:
    """By a later total on the sheet, or by a sheet of the same zone: they have seen the shelf."""
    desk = Desk(recount="optional")
    desk.stock(10)
    desk.open()
    first = desk.sheet()
    desk.count(first, 7, actor=CLERK)
    desk.count(first if same_sheet else desk.sheet(), 6, who=1)
    desk.close()
    assert desk.line.counted == 6
    refused(desk, FourEyes, actor=CLERK)
    assert desk.accept().state == "accepted"


def test_whoever_counted_an_accepted_variance_cannot_approve_it() -> None:
    desk = varied(recount="optional")
    with pytest.raises(LinesUndecided, match="1 line without"):
        stocktakes.approve_stocktake(desk.stocktake, actor=BOSS)
    desk.accept()
    before = desk.stocktake.revision
    with pytest.raises(FourEyes):
        stocktakes.approve_stocktake(desk.stocktake, actor=desk.actors[0])
    assert (desk.stocktake.state, desk.stocktake.revision) == ("review", before)
    assert stocktakes.approve_stocktake(desk.stocktake, actor=CLERK).approved_by == "Clerk"


def test_lines_are_decided_each_by_itself() -> None:
    desk = Desk(recount="optional")
    products = [desk.product, factories.make_product(desk.device)]
    for product in products:
        desk.stock(10, product_id=product.uuid)
    desk.open()
    sheet = desk.sheet()
    desk.count(sheet, 7)
    desk.count(sheet, 10, product_id=products[1].uuid)
    desk.close()
    lines = [StocktakeLine.objects.get(product=product) for product in products]
    done, refusal = decisions.decide_lines(desk.stocktake, lines, action="reject", actor=BOSS, note="no")
    assert isinstance(done, StocktakeLine)
    assert (done.state, done.note) == ("rejected", "no")
    assert getattr(refusal, "internal_code", "") == "line_transition"


def test_a_recount_needs_a_line_and_a_pass() -> None:
    desk = varied(passes=2)
    with pytest.raises(NothingToRecount):
        stocktakes.start_recount(desk.stocktake, actor=BOSS)
    desk.recounted(8)
    StocktakeLine.objects.update(state="recount")
    with pytest.raises(PassesExhausted):
        stocktakes.start_recount(desk.stocktake, actor=BOSS)
    assert (desk.stocktake.state, CountSheet.objects.count()) == ("review", 2)


@pytest.mark.parametrize(
    ("policy", "counted", "state"),
    [
        ({"tolerance": "3"}, 7, "matched"),
        ({"tolerance": "2.999999"}, 7, "variance"),
        ({"tolerance_percent": "30"}, 7, "matched"),
        ({"tolerance_percent": "29.9"}, 7, "variance"),
        ({"tolerance_percent": "30"}, 13, "matched"),
        ({}, 10, "matched"),
    ],
)
def test_inside_the_tolerance_a_line_matches_by_itself_and_is_posted(
    policy: dict[str, Any], counted: int, state: str
) -> None:
    desk = varied(counted, **policy)
    assert desk.line.state == state
    if state == "matched":
        desk.post()
        assert desk.level == counted
        assert (desk.line.state, desk.line.movement is None) == ("posted", counted == 10)


@pytest.mark.parametrize(("over", "cases"), [("2.5", 1), ("3", 0), (None, 0)])
def test_a_large_variance_opens_a_case(over: str | None, cases: int) -> None:
    desk = varied(case_over=over)
    assert len(desk.cases("variance_over_limit")) == cases


def test_an_independent_counter_did_not_move_the_stock() -> None:
    for who, flags in ((0, ["not_independent"]), (1, [])):
        desk = Desk(independent_counter=True)
        desk.stock(10, installation=desk.installations[0])
        assert desk.counted(10, who=who).flags == flags
        assert desk.line.state == ("variance" if flags else "matched")


@pytest.mark.parametrize(
    ("policy", "state", "flags", "posted"),
    [
        ("leave", "to_count", [], 10),
        ("recount", "recount", [], 10),
        ("zero_with_approval", "variance", ["assumed_zero"], 0),
    ],
)
def test_what_nobody_counted_is_no_zero_unless_somebody_says_so(
    policy: str, state: str, flags: list[str], posted: int
) -> None:
    desk = Desk(not_counted=policy)
    desk.stock(10)
    desk.open()
    desk.close()
    line = desk.line
    assert (line.state, line.flags, line.expected) == (state, flags, 10)
    if policy == "zero_with_approval":
        assert (line.counted, line.variance) == (0, -10)
        desk.accept()
    elif policy == "recount":
        assert decisions.excuse_line(line, actor=BOSS).reason == "not_counted"
    desk.post()
    assert (desk.level, desk.line.state) == (posted, "posted")
    assert desk.line.reason == ("missing" if posted == 0 else "not_counted")


def test_an_assumed_zero_follows_the_book_until_it_is_posted() -> None:
    desk = Desk(not_counted="zero_with_approval")
    desk.stock(10)
    desk.open()
    desk.close()
    desk.accept()
    desk.stock(2)
    desk.post()
    assert (desk.stocktake.state, desk.line.state, desk.line.variance) == ("review", "variance", -12)
    assert desk.line.flags == ["assumed_zero", "changed"]
    desk.accept()
    desk.post()
    assert desk.level == 0


def test_what_is_not_counted_again_and_again_is_left() -> None:
    desk = Desk(not_counted="recount", passes=2)
    desk.stock(10)
    desk.open()
    desk.close()
    assert (desk.line.state, desk.line.pass_number) == ("recount", 2)
    stocktakes.start_recount(desk.stocktake, actor=BOSS)
    desk.close()
    assert (desk.line.state, desk.line.pass_number, desk.line.counted) == ("recount", 2, None)
    desk.stock(3)
    decisions.excuse_line(desk.line, actor=BOSS)
    desk.post()
    assert (desk.line.expected, desk.level) == (13, 13)


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"tolerance": "-1"}, "tolerance"),
        ({"tolerance": "x"}, "tolerance"),
        ({"tolerance_percent": None}, "tolerance_percent"),
        ({"case_over": "0.0000001"}, "case_over"),
        ({"blind": "yes"}, "blind"),
        ({"independent_counter": 1}, "independent_counter"),
        ({"passes": 0}, "passes"),
        ({"passes": 10}, "passes"),
        ({"passes": True}, "passes"),
        ({"passes": "2"}, "passes"),
        ({"not_counted": "zero"}, "not_counted"),
        ({"recount": "never"}, "recount"),
        ({"approver": "me"}, "approver"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_its_field(policy: dict[str, Any], field: str) -> None:
    device = factories.make_device()
    with pytest.raises(CountPolicyInvalid) as refused:
        stocktakes.create_stocktake(device=device, actor=BOSS, name="S", policy=policy)
    assert [problem.field for problem in refused.value.errors] == [f"policy.{field}"]
    assert not Stocktake.objects.exists()


def test_a_policy_is_read_back_as_it_was_stored() -> None:
    given = {"tolerance": "2", "tolerance_percent": "1.5", "case_over": "10", "blind": True, "passes": 2}
    policy = read_policy(given)
    assert read_policy(policy.as_json()) == policy
    assert (policy.case_over, policy.recount) == (Decimal(10), "required")


def test_a_flagged_line_inside_the_tolerance_needs_neither_reason_nor_recount() -> None:
    desk = varied(10, independent_counter=True)
    StocktakeLine.objects.update(state="variance", flags=["ambiguous"])
    assert desk.accept(reason="").state == "accepted"


def test_a_case_that_was_settled_is_not_opened_again_by_posting() -> None:
    desk = varied(recount="optional", case_over="1")
    resolve_case(desk.cases("variance_over_limit")[0], actor=BOSS)
    desk.accept()
    desk.post()
    assert [(case.state, case.times) for case in desk.cases("variance_over_limit")] == [("resolved", 1)]
    other = varied(recount="optional", case_over="1")
    other.recounted(6)
    assert [(case.state, case.times) for case in other.cases("variance_over_limit")] == [("open", 2)]
