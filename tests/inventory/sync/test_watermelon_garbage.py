"""Whatever a WatermelonDB client pushes: never a 5xx, never a refusal that would stay, and replays do nothing."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from devices.models import Device
from inventory.api.watermelon import LAYOUTS
from inventory.models import StockLevel, StockMovement
from tests import factories
from tests.inventory.sync.melon import PATH, head, pull, push

QUIET = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SPACE = UUID(int=7)
IDS = [str(uuid5(SPACE, str(number))) for number in range(6)] + ["aZ09bcdefghijklm", "no id", "", "x" * 50]
TEXTS = st.one_of(
    st.text(max_size=20), st.sampled_from(["", "x" * 20_000, "\x00", "\ud800", "2026-02-30", "{}", '{"a":1}'])
)
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([2**53, 10**18, -(10**40), 1_772_366_400_000, 1e308, 5e-324]),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
JUNK = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)
WORDS = st.sampled_from(["receipt", "issue", "transfer", "adjustment", "count", "lot", "serial", "shelf", "S", "1"])


def _column(name: str) -> Any:
    usual = st.sampled_from(IDS) if name.endswith("_id") else st.one_of(WORDS, NUMBERS, st.booleans())
    return st.one_of(usual, usual, JUNK)


def _rows(table: str) -> Any:
    columns = {name: _column(name) for name in LAYOUTS[table].columns}
    notes = {"_status": JUNK, "_changed": JUNK, "surprise": JUNK}
    return st.fixed_dictionaries({"id": st.sampled_from(IDS)}, optional={**columns, **notes})


def _lists(table: str) -> Any:
    rows = st.lists(_rows(table), max_size=3)
    return st.fixed_dictionaries(
        {"created": rows, "updated": rows, "deleted": st.lists(st.sampled_from(IDS), max_size=2)}
    )


CHANGES = st.fixed_dictionaries({}, optional={table: _lists(table) for table in LAYOUTS})


@QUIET
@given(first=CHANGES, second=CHANGES)
def test_a_change_set_is_never_refused_for_good(api: Any, device: Device, first: Any, second: Any) -> None:
    for changes in (first, second):
        body = json.dumps(changes)
        for _ in range(3):
            last = pull(api)["timestamp"]
            response: Any = api.generic("POST", f"{PATH}?last_pulled_at={last}", body, content_type="text/plain")
            assert response.status_code in (200, 409), response.content
            if response.status_code == 200:
                break
            tombstones = pull(api, last)["changes"]
            gone = {table: set(lists["deleted"]) for table, lists in tombstones.items()}
            changes = _without(changes, gone)  # noqa: PLW2901  # the library destroys what it is told is deleted
            body = json.dumps(changes)
        assert response.status_code == 200, response.content
        before = head(device)
        replay: Any = api.generic("POST", f"{PATH}?last_pulled_at={last}", body, content_type="text/plain")
        if replay.status_code == 200:
            assert head(device) == before
    _ledger_holds(device)


def _without(changes: Any, gone: dict[str, set[str]]) -> Any:
    def kept(table: str, rows: list[Any]) -> list[Any]:
        return [row for row in rows if row["id"] not in gone.get(table, ())]

    return {
        table: {**lists, "created": kept(table, lists["created"]), "updated": kept(table, lists["updated"])}
        for table, lists in changes.items()
    }


def _ledger_holds(device: Device) -> None:
    sums: dict[Any, Any] = {}
    for fact in StockMovement.objects.for_device(device):
        for place, sign in ((fact.from_location_id, -1), (fact.to_location_id, 1)):
            if place is not None:
                bucket = (fact.product_id, place, fact.lot_id)
                sums[bucket] = sums.get(bucket, 0) + sign * fact.quantity
    levels = StockLevel.all_objects.for_device(device)
    assert {(level.product_id, level.location_id, level.lot_id): level.quantity for level in levels} == sums


@QUIET
@given(body=st.one_of(JUNK, st.dictionaries(st.sampled_from([*LAYOUTS, "x"]), JUNK, max_size=3)))
@example(body={"products": {"created": None, "updated": [], "deleted": [[]]}})
def test_what_is_no_change_set_is_no_error_of_ours(api: Any, device: Device, body: Any) -> None:
    factories.make_product(device)
    response: Any = api.generic("POST", PATH, json.dumps(body), content_type="text/plain")
    assert response.status_code in (200, 422), response.content


@QUIET
@given(raw=st.binary(max_size=200))
def test_bytes(api: Any, raw: bytes) -> None:
    response: Any = api.generic("POST", PATH, raw, content_type="text/plain")
    assert response.status_code in (200, 400, 422), response.content


@QUIET
@given(last=TEXTS, migration=st.one_of(TEXTS, JUNK.map(json.dumps)))
def test_queries(api: Any, last: str, migration: str) -> None:
    sent = {"last_pulled_at": last, "migration": migration}
    mended = {name: text.encode("utf-8", "replace").decode() for name, text in sent.items()}
    response = api.get(PATH, mended)
    assert response.status_code in (200, 400), response.content


def test_a_push_may_be_larger_than_other_bodies_and_is_bounded(api: Any, device: Device, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2000
    last = pull(api)["timestamp"]
    push(api, last, {"local": {"created": [{"id": "x", "text": "y" * 6000}]}})
    refused = push(api, last, {"local": {"created": [{"id": "x", "text": "y" * 8000}]}}, status=413)
    assert refused["internal_code"] == "payload_too_large"
