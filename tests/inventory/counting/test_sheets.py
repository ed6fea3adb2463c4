"""Sheets: who holds them, and that they are sealed once the server has all of it, and not before."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from config.core.errors import ReferenceNotFound
from inventory.errors.counting import SheetTransition, StocktakeNotOpen, StocktakeTransition
from inventory.models import CountEntry, CountSheet
from inventory.services.counting import sheets, stocktakes
from tests import factories
from tests.inventory.counting.desk import BOSS, Desk, after, operation

pytestmark = pytest.mark.django_db


def begun() -> tuple[Desk, CountSheet]:
    desk = Desk(recount="optional", blind=True)
    desk.stock(10, occurred_at=after(days=-1))
    desk.open()
    return desk, desk.sheet(name="top", location_id=desk.place.uuid)


def says(sheet: CountSheet, state: str, final: int | None = None, **members: Any) -> Any:
    data = {"state": state} if final is None else {"state": state, "final_sequence": final}
    return operation("count_sheets", data, op="update", id=sheet.uuid, **members)


def state_of(sheet: CountSheet) -> str:
    return CountSheet.objects.get(pk=sheet.pk).state


def test_a_sheet_is_sealed_once_all_up_to_its_last_number_is_here() -> None:
    desk, sheet = begun()
    count = desk.counts(sheet, 10, after(), base=desk.head, sequence=1)
    desk.push(count, says(sheet, "submitted", 4, sequence=2))
    stocktakes.close_stocktake(desk.stocktake, actor=BOSS)
    assert (state_of(sheet), desk.stocktake.state) == ("submitted", "closing")
    desk.push(desk.moves(1, after(minutes=5), sequence=3))
    assert state_of(sheet) == "submitted"
    again = desk.counts(sheet, 9, after(minutes=1), base=desk.head, sequence=4)
    desk.push(again)
    assert (state_of(sheet), desk.stocktake.state) == ("sealed", "review")
    assert (desk.line.counted, CountEntry.objects.filter(is_late=True).count()) == (9, 0)
    assert CountSheet.objects.get().held_by == desk.installations[0].uuid


def test_in_one_push_the_whole_of_it_comes_first() -> None:
    """The sheet is submitted in the middle of its push: it is sealed when the push is through."""
    desk, sheet = begun()
    late = desk.counts(sheet, 9, after(minutes=1), base=desk.head, sequence=3)
    desk.push(
        desk.counts(sheet, 10, after(), base=desk.head, sequence=1), says(sheet, "submitted", 3, sequence=2), late
    )
    assert state_of(sheet) == "sealed"
    assert not CountEntry.objects.filter(is_late=True).exists()


def test_another_ones_numbers_seal_nothing() -> None:
    desk, sheet = begun()
    desk.push(says(sheet, "submitted", 2, sequence=1))
    desk.push(desk.moves(1, sequence=1), desk.moves(1, sequence=2), who=1)
    assert state_of(sheet) == "submitted"
    assert sheets.seal_sheets(desk.installations[1], actor=BOSS) == 0
    desk.push(desk.moves(1, sequence=2))
    assert state_of(sheet) == "sealed"


@pytest.mark.parametrize("final", [None, 0, 7])
def test_people_have_no_numbers_so_their_sheets_are_sealed_at_once(final: int | None) -> None:
    _, sheet = begun()
    assert sheets.submit_sheet(sheet, actor=BOSS, final_sequence=final).state == "sealed"


def test_a_sheet_that_nobody_has_can_wait_or_be_given_up() -> None:
    desk, sheet = begun()
    other = desk.sheet(name="ground")
    desk.count(sheet, 10)
    stocktakes.close_stocktake(desk.stocktake, actor=BOSS)
    sheets.submit_sheet(CountSheet.objects.get(pk=sheet.pk), actor=desk.actors[0])
    assert desk.stocktake.state == "closing"
    sheets.abandon_sheet(other, actor=BOSS)
    assert (desk.stocktake.state, desk.line.state) == ("review", "matched")


def test_a_device_says_how_far_it_is() -> None:
    desk, sheet = begun()
    assert (sheet.blind, str(sheet), sheet.location) == (True, "top", desk.place)
    desk.push(says(sheet, "downloaded"))
    assert state_of(sheet) == "downloaded"
    desk.push(says(sheet, "in_progress"))
    assert state_of(sheet) == "in_progress"
    desk.push(says(sheet, "abandoned"))
    assert state_of(sheet) == "abandoned"
    assert desk.push(says(sheet, "downloaded")).results[0].error.internal_code == "sheet_transition"  # type: ignore[union-attr]


def test_a_download_and_a_first_count_note_who_holds_it() -> None:
    desk, sheet = begun()
    assert sheets.download_sheet(sheet, actor=desk.actors[1]).held_by == desk.installations[1].uuid
    desk.count(CountSheet.objects.get(), 1, who=0)
    current = CountSheet.objects.get()
    assert (current.state, current.held_by) == ("in_progress", desk.installations[1].uuid)
    other = desk.sheet()
    assert sheets.download_sheet(other, actor=BOSS).held_by is None
    desk.count(CountSheet.objects.get(pk=other.pk), 1, who=0)
    assert CountSheet.objects.get(pk=other.pk).held_by == desk.installations[0].uuid


def test_a_sheet_is_renamed_moved_and_assigned() -> None:
    desk, sheet = begun()
    place = factories.make_location(desk.device)
    changes = {
        "name": "", "location_id": place.uuid, "assigned_to": desk.installations[1].uuid, "assignee_name": "Ada",
    }  # fmt: skip
    changed = sheets.update_sheet(sheet, actor=BOSS, changes=changes)
    assert (str(changed), changed.zone, changed.assignee_name) == (str(place), (place.pk, ""), "Ada")
    assert str(desk.sheet()) == "Everywhere"
    stranger = factories.enrol().installation.uuid
    for bad in ({"assigned_to": stranger}, {"location_id": uuid4()}):
        with pytest.raises(ReferenceNotFound):
            sheets.update_sheet(changed, actor=BOSS, changes=bad)
    assert CountSheet.objects.get(pk=sheet.pk).assigned_to == desk.installations[1].uuid


def test_a_stocktake_that_is_over_takes_no_sheets_but_keeps_what_a_device_made() -> None:
    desk, _ = begun()
    desk.close()
    with pytest.raises(StocktakeNotOpen):
        desk.sheet()
    id = uuid4()
    made = operation("count_sheets", {"stocktake_id": str(desk.stocktake_id), "state": "in_progress"}, id=id)
    assert desk.push(made).results[0].status == "applied"
    sheet = CountSheet.objects.get(uuid=id)
    assert sheet.state == "abandoned"
    desk.push(desk.counts(sheet, 4, after()))
    assert len(desk.cases("late_count")) == 1
    with pytest.raises(ReferenceNotFound):
        sheets.create_sheet(device=desk.device, actor=BOSS)


def test_a_device_makes_a_sheet_that_is_under_way_or_done() -> None:
    desk, _ = begun()
    for state, then in (("in_progress", "in_progress"), ("submitted", "sealed")):
        id = uuid4()
        data = {"stocktake_id": str(desk.stocktake_id), "name": state, "state": state}
        assert desk.push(operation("count_sheets", data, id=id)).results[0].status == "applied"
        assert CountSheet.objects.get(uuid=id).state == then
    data = {"stocktake_id": str(desk.stocktake_id), "state": "sealed"}
    assert desk.push(operation("count_sheets", data)).results[0].error.internal_code == SheetTransition.internal_code  # type: ignore[union-attr]
    assert CountSheet.objects.count() == 3


def test_a_device_makes_a_stocktake_of_its_own_under_the_default_policy() -> None:
    desk, _ = begun()
    ids = [uuid4(), uuid4()]
    ops = [operation("stocktakes", {"name": f"Mine {id}"}, id=id) for id in ids]
    assert [result.status for result in desk.push(*ops).results] == ["applied", "applied"]
    for id in ids:
        made = next(result.row for result in desk.push(*ops).results if result.row.uuid == id)
        assert (made.state, made.rules.recount, made.rules.blind) == ("draft", "required", False)
    bad = desk.push(operation("stocktakes", {"name": "X", "policy": {"recount": "optional"}})).results[0]
    assert bad.status == "rejected"


def test_the_scope_of_a_stocktake_is_fixed_when_it_opens() -> None:
    desk = Desk()
    place = factories.make_location(desk.device)
    changed = stocktakes.update_stocktake(
        desk.stocktake, actor=BOSS, changes={"location_id": place.uuid, "kind": "spot"}
    )
    assert (changed.location, changed.kind) == (place, "spot")
    scheduled = stocktakes.schedule_stocktake(changed, actor=BOSS, scheduled_for=after())
    assert (scheduled.state, scheduled.scheduled_for) == ("scheduled", after())
    desk.open()
    assert stocktakes.update_stocktake(desk.stocktake, actor=BOSS, changes={"name": "Autumn"}).name == "Autumn"
    with pytest.raises(StocktakeTransition):
        stocktakes.update_stocktake(desk.stocktake, actor=BOSS, changes={"location_id": None})
    assert desk.stocktake.location == place
