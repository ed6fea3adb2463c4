"""Every cell of the three state tables: what leads where, and that the rest is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from config.core.errors import AppError
from devices.models import Event
from inventory.models import CountSheet, Stocktake, StocktakeLine
from inventory.models.lines import DECIDED, LINE_ACTIONS, NEXT_LINE
from inventory.models.sheets import NEXT_SHEET, SHEET_ACTIONS
from inventory.models.stocktakes import BEFORE_POSTED, NEXT_STOCKTAKE, STOCKTAKE_ACTIONS
from inventory.services.counting import decisions, posting, sheets, states, stocktakes
from tests.inventory.counting.desk import BOSS, Desk

pytestmark = pytest.mark.django_db
STOCKTAKE_SERVICES: dict[str, Callable[..., Any]] = {
    "schedule": stocktakes.schedule_stocktake,
    "open": stocktakes.open_stocktake,
    "close": stocktakes.close_stocktake,
    "recount": stocktakes.start_recount,
    "approve": stocktakes.approve_stocktake,
    "post": stocktakes.post_stocktake,
    "finish": stocktakes.finish_stocktake,
    "reverse": stocktakes.reverse_stocktake,
    "cancel": stocktakes.cancel_stocktake,
}
SHEET_SERVICES: dict[str, Callable[..., Any]] = {
    "download": sheets.download_sheet,
    "start": partial(sheets.update_sheet, changes={"state": "in_progress"}),
    "submit": sheets.submit_sheet,
    "abandon": sheets.abandon_sheet,
}
LINE_SERVICES: dict[str, Callable[..., Any]] = {
    "accept": partial(decisions.accept_line, reason="other"),
    "reject": decisions.reject_line,
    "excuse": decisions.excuse_line,
    "recount": decisions.recount_line,
}
# What a service does at once after its own arrow.
GOES_ON = {("open", "close"): "review", ("counting", "close"): "review", ("counting", "post"): "counting"}
GOES_ON |= {("review", "post"): "review", ("offered", "submit"): "sealed", ("downloaded", "submit"): "sealed"}
GOES_ON |= {("in_progress", "submit"): "sealed", ("submitted", "start"): ""}


@contextmanager
def undone() -> Iterator[None]:
    """A try of which nothing is left."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def in_state(row: Any, state: str, **values: Any) -> Any:
    """The row, put there without a service."""
    type(row).all_objects.filter(pk=row.pk).update(state=state, **values)
    return (
        type(row).all_objects.select_related("device", "stocktake__device").get(pk=row.pk)
        if hasattr(row, "stocktake")
        else Stocktake.objects.select_related("device", "location", "category").get(pk=row.pk)
    )


def try_cell(row: Any, wanted: str | None, code: str, call: Callable[..., Any], **values: Any) -> None:
    """A legal move leads where the table says; another is refused with its own code and leaves the row as it was."""
    before, events = row.revision, Event.objects.count()
    if wanted is not None:
        call(row, actor=BOSS, **values)
        current = type(row).all_objects.get(pk=row.pk)
        assert current.state == wanted
        assert current.revision > before
        assert Event.objects.count() > events
        return
    with pytest.raises(AppError) as refused, transaction.atomic():
        call(row, actor=BOSS, **values)
    assert (refused.value.internal_code, refused.value.status) == (code, 409)
    assert refused.value.extra["state"] == row.state
    current = type(row).all_objects.get(pk=row.pk)
    assert (current.state, current.revision, Event.objects.count()) == (row.state, before, events)


def test_every_cell_of_the_stocktakes() -> None:
    desk = Desk()
    for state in Stocktake.State.values:
        for action in STOCKTAKE_ACTIONS:
            row = in_state(desk.stocktake, state)
            with undone():
                wanted = NEXT_STOCKTAKE.get((state, action))
                try_cell(row, wanted, "stocktake_transition", states.move_stocktake, move=action, action="moved")


def test_every_cell_of_the_sheets() -> None:
    desk = Desk()
    sheet = desk.sheet()
    for state in CountSheet.State.values:
        row = in_state(sheet, state)
        for action in SHEET_ACTIONS:
            with undone():
                wanted = NEXT_SHEET.get((state, action))
                try_cell(row, wanted, "sheet_transition", states.move_sheet, move=action, action="moved")


def test_every_cell_of_the_lines() -> None:
    for state in StocktakeLine.State.values:
        for action in LINE_ACTIONS:
            wanted = NEXT_LINE.get((state, action))
            if wanted is not None:
                assert states.next_line_state(state, action) == wanted
                continue
            with pytest.raises(AppError) as refused:
                states.next_line_state(state, action)
            assert refused.value.internal_code == "line_transition"
            assert refused.value.extra == {"state": state, "action": action}


@pytest.mark.parametrize("action", STOCKTAKE_SERVICES)
def test_the_services_of_stocktakes_keep_to_the_table(action: str) -> None:
    desk = Desk()
    desk.stock(5)
    desk.open()
    line = desk.line
    early = {("counting", "post"), ("review", "post")}  # decided lines may post while others are counted again
    for state in Stocktake.State.values:
        with undone():
            if action == "recount":
                StocktakeLine.objects.filter(pk=line.pk).update(state="recount")
            if action == "approve":
                StocktakeLine.objects.filter(pk=line.pk).update(state="rejected")
            if action == "reverse":
                StocktakeLine.objects.filter(pk=line.pk).update(state="posted")
            row = in_state(desk.stocktake, state)
            wanted = NEXT_STOCKTAKE.get((state, action)) or (state if (state, action) in early else None)
            if (state, action) in early:
                assert STOCKTAKE_SERVICES[action](row, actor=BOSS).state == state
                continue
            wanted = GOES_ON.get((state, action), wanted)
            try_cell(row, wanted, "stocktake_transition", STOCKTAKE_SERVICES[action])


@pytest.mark.parametrize("action", SHEET_SERVICES)
def test_the_services_of_sheets_keep_to_the_table(action: str) -> None:
    desk = Desk()
    desk.open()
    sheet = desk.sheet()
    for state in CountSheet.State.values:
        if (state, action) == ("in_progress", "start"):
            continue  # to say again what is so changes nothing: below
        with undone():
            wanted = GOES_ON.get((state, action), NEXT_SHEET.get((state, action))) or None
            try_cell(in_state(sheet, state), wanted, "sheet_transition", SHEET_SERVICES[action])


@pytest.mark.parametrize("action", LINE_SERVICES)
@pytest.mark.parametrize("stage", ["review", "counting"])
def test_the_decisions_on_lines_keep_to_the_table(action: str, stage: str) -> None:
    desk = Desk(recount="optional")
    desk.stock(5)
    desk.open()
    line = desk.line
    in_state(desk.stocktake, stage)
    for state in StocktakeLine.State.values:
        with undone():
            wanted = NEXT_LINE.get((state, action))
            try_cell(in_state(line, state, variance=-1, expected=5), wanted, "line_transition", LINE_SERVICES[action])


@pytest.mark.parametrize("action", LINE_SERVICES)
def test_lines_are_decided_in_review_or_while_others_are_counted_again(action: str) -> None:
    desk = Desk()
    desk.stock(5)
    desk.open()
    line = in_state(desk.line, "variance")
    for state in set(Stocktake.State.values) - {"review", "counting"}:
        in_state(desk.stocktake, state)
        with undone():
            try_cell(line, None, "stocktake_transition", _of(LINE_SERVICES[action], state))


def _of(service: Callable[..., Any], state: str) -> Callable[..., Any]:
    """The refusal tells the stocktake's state; here it is compared with it."""

    def call(line: Any, **values: Any) -> None:
        try:
            service(line, **values)
        except AppError as error:
            assert error.extra["state"] == state
            error.extra["state"] = line.state
            raise

    return call


def test_only_posted_lines_are_reversed() -> None:
    desk = Desk()
    desk.stock(5)
    desk.open()
    line = desk.line
    for state in StocktakeLine.State.values:
        with undone():
            row = in_state(line, state)
            if state == "posted":
                assert posting.reverse_line(row, actor=BOSS).state == "reversed"
                continue
            with pytest.raises(AppError) as refused:
                posting.reverse_line(row, actor=BOSS)
            assert refused.value.internal_code == "line_not_reversible"
            assert StocktakeLine.objects.get(pk=line.pk).state == state


def test_to_say_again_how_far_a_sheet_is_changes_nothing() -> None:
    desk = Desk()
    desk.open()
    for state in CountSheet.State.values:
        sheet = in_state(desk.sheet(), state)
        again = sheets.update_sheet(sheet, actor=BOSS, changes={"state": state})
        assert (again.state, again.revision) == (state, sheet.revision)


def test_a_device_cannot_seal_or_offer_again() -> None:
    desk = Desk()
    desk.open()
    sheet = in_state(desk.sheet(), "in_progress")
    for state in ("sealed", "offered"):
        with undone():
            sheets_update = partial(sheets.update_sheet, changes={"state": state})
            try_cell(sheet, None, "sheet_transition", sheets_update)


def test_the_tables_say_what_they_should() -> None:
    """What leads nowhere is an end; a stocktake can be given up until it is posted."""
    ends = {state for state in Stocktake.State.values if not any(start == state for start, _ in NEXT_STOCKTAKE)}
    assert ends == {"cancelled", "reversed"}
    assert {state for state, action in NEXT_STOCKTAKE if action == "cancel"} == set(BEFORE_POSTED)
    assert {state for state, action in NEXT_LINE if action == "post"} == set(DECIDED)
    assert {state for (state, _), after in NEXT_SHEET.items() if after == "abandoned"} == {
        "offered", "downloaded", "in_progress", "submitted",
    }  # fmt: skip
