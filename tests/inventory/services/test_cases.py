"""Cases: opened once, counted up, decided once."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from devices.models import Device, Event, Feed
from inventory.errors.cases import CaseClosed
from inventory.models import Case
from inventory.services.cases import (
    MAX_KEY,
    Trouble,
    case_key,
    claim_case,
    open_case,
    open_cases,
    resolve_case,
    waive_case,
)
from tests import factories

BY = factories.TESTER


def trouble(key: str, number: int = 1) -> Trouble:
    return Trouble(Case.Kind.NEGATIVE_STOCK, key, f"{key} {number}", {"n": number})


def open_(device: Device, key: str, number: int = 1, kind: Case.Kind = Case.Kind.NEGATIVE_STOCK) -> Case:
    return open_case(device=device, actor=BY, kind=kind, key=key, summary=f"{key} {number}", evidence={"n": number})


def test_the_same_trouble_is_one_case_with_its_newest_evidence(device: Device, other: Device) -> None:
    first = open_(device, "a")
    assert open_(device, "a", 2).pk == first.pk
    first.refresh_from_db()
    assert (first.times, first.summary, first.evidence) == (2, "a 2", {"n": 2})
    assert len({first.pk, open_(device, "b").pk, open_(other, "a").pk,
                open_(device, "a", kind=Case.Kind.LATE_COUNT).pk}) == 4  # fmt: skip


def test_a_claimed_case_still_counts_and_a_closed_one_does_not(device: Device) -> None:
    case = claim_case(open_(device, "a"), actor=BY)
    assert open_(device, "a").pk == case.pk
    resolve_case(case, actor=BY, resolution="found it")
    again = open_(device, "a")
    assert again.pk != case.pk
    case.refresh_from_db()
    assert (case.times, again.times) == (2, 1)


@pytest.mark.parametrize(("close", "state"), [(resolve_case, "resolved"), (waive_case, "waived")])
def test_a_decision_is_made_once(device: Device, close: Any, state: str) -> None:
    case = open_(device, "a")
    closed = close(case, actor=BY, resolution="because")
    assert (closed.state, closed.resolution, closed.closed_at is not None) == (state, "because", True)
    head = Feed.objects.get(device=device).head
    for late in (claim_case, resolve_case, waive_case):
        with pytest.raises(CaseClosed):
            late(case, actor=BY)
    case.refresh_from_db()
    assert (case.state, case.resolution, Feed.objects.get(device=device).head) == (state, "because", head)
    assert [event.action for event in Event.objects.about(case)] == [state, "opened"]


def test_a_claim_is_recorded_with_who_made_it(device: Device) -> None:
    case = claim_case(open_(device, "a"), actor=BY)
    newest = Event.objects.about(case).first()
    assert (case.state, case.closed_at) == ("claimed", None)
    assert (newest.action, newest.actor_name, newest.changes) == ("claimed", BY.name, {"state": ["open", "claimed"]})


def test_many_troubles_at_once(device: Device, django_assert_max_num_queries: Any) -> None:
    known = open_(device, "known")
    with django_assert_max_num_queries(30):
        open_cases(device=device, actor=BY, troubles=[trouble(f"k{n}") for n in range(50)] + [trouble("known", 7)])
    known.refresh_from_db()
    assert (known.times, known.evidence) == (2, {"n": 7})
    assert Case.objects.count() == 51
    open_cases(device=device, actor=BY, troubles=[])
    assert Case.objects.count() == 51


def test_long_keys_that_begin_alike_stay_apart(device: Device) -> None:
    long = "k" * MAX_KEY
    keys = [long, f"{long}1", f"{long}2"]
    open_cases(device=device, actor=BY, troubles=[trouble(key) for key in keys[1:]])
    cases = {open_(device, key).pk for key in keys}
    assert len(cases) == 3
    assert sorted(Case.objects.values_list("times", flat=True)) == [1, 2, 2]
    assert case_key(long) == long
    assert case_key(f"{long}1")[:100] == long[:100]


def test_a_long_summary_is_cut(device: Device) -> None:
    case = open_case(device=device, actor=BY, kind=Case.Kind.OVERLAP, key="k", summary="s" * 600, evidence={})
    assert len(case.summary) == 500


def test_the_database_keeps_one_open_case_too(device: Device) -> None:
    case = open_(device, "a")
    twin = Case(device=device, revision=10_000, kind=case.kind, key="a", summary="twin")
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save(force_insert=True)
    assert Case.objects.count() == 1
