"""Actions on rows: refusals are collected, bugs are not swallowed, messages stay readable."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db import DatabaseError, OperationalError
from django.test import RequestFactory

from config.core.admin import ServiceModelAdmin
from config.core.errors import Conflict, Unavailable
from config.core.row_actions import RowAction, carry_out, refusal, sentence, tell


class Closed(Conflict):
    internal_code = "test_closed"
    title = "Closed."
    advice = "Open it."


def run(row: int, *, actor: Any, error: Exception | None = None) -> None:
    if error is not None and row > 1:
        raise error


ACTION = RowAction("close", "Close", "It will be closed.", run)


def test_one_refusal_does_not_stop_the_others() -> None:
    error = Closed()
    done, refused = carry_out(ACTION, [1, 2, 3], actor=None, answers={"error": error})
    assert (done, refused) == (1, [(2, error), (3, error)])


def test_a_busy_database_is_a_refusal_and_a_broken_one_is_not() -> None:
    assert isinstance(refusal(OperationalError("database is locked")), Unavailable)
    with pytest.raises(DatabaseError, match="disk I/O"):
        carry_out(ACTION, [2], actor=None, answers={"error": DatabaseError("disk I/O error")})


def test_a_sentence_says_what_why_and_what_to_do() -> None:
    assert sentence(Closed()) == "Closed. Open it."
    assert sentence(Closed("Since Monday.")) == "Closed. Since Monday. Open it."


def test_ten_refusals_are_told_one_by_one() -> None:
    request: Any = RequestFactory().get("/")
    request.session = {}
    request._messages = FallbackStorage(request)
    tell(request, ACTION, 2, [(number, Closed()) for number in range(12)], noun="rows")
    told = [str(message) for message in get_messages(request)]
    assert told[0] == "Close: done for 2 rows."
    assert told[1] == "0: Closed. Open it."
    assert len(told) == 12
    assert told[-1] == "… and 2 more were refused."


def test_every_row_fits_unless_said_otherwise() -> None:
    assert ACTION.fits(1)


def test_the_base_names_no_actor_and_no_owner() -> None:
    base: Any = ServiceModelAdmin
    with pytest.raises(NotImplementedError):
        base.actor_of(None, None)
    assert base.created_in(None, None) == {}
    assert base.stale(None, None, 1, found := Closed()) is found
