"""Label templates sync: made and changed offline, refused where the labels do not lie on the sheet."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from config.core.quantities import plain
from devices.models import Device
from inventory.models import LabelTemplate
from tests import factories
from tests.inventory.sync import melon
from tests.inventory.sync.ops import contents, op, pull_all, push, push_one

SHELF = {"name": "Shelf", "width": "50", "height": "25"}
WIDE = {**SHELF, "columns": 5}


def test_what_is_pulled_is_what_rest_shows(api: APIClient, device: Device, other: Device) -> None:
    made = api.post("/v1/label-templates", SHELF).json()
    factories.make_labeltemplate(other)
    changes, page = pull_all(api, tables="label_templates")
    assert [(change["id"], change["data"]) for change in changes] == [(made["id"], made)]
    assert page["counts"] == {"label_templates": 1}
    assert api.delete(f"/v1/label-templates/{made['id']}").status_code == 204
    (gone,) = pull_all(api, page["cursor"])[0]
    assert (gone["id"], gone["deleted"]) == (made["id"], True)


def test_a_batch_has_the_same_lines_as_rest(api: APIClient) -> None:
    online = api.post("/v1/label-templates", SHELF).json()
    results = push(api, *(op("create", "label_templates", SHELF) for _ in range(3)))["results"]
    assert [result["status"] for result in results] == ["applied"] * 3
    for result in results:
        assert {name: result["row"][name] for name in ("texts", "page_width", "symbology")} == {
            name: online[name] for name in ("texts", "page_width", "symbology")
        }


def test_one_that_does_not_fit_its_sheet_never_blocks_the_others(api: APIClient) -> None:
    results = push(api, *(op("create", "label_templates", data) for data in (SHELF, WIDE, SHELF)))["results"]
    assert [result["status"] for result in results] == ["applied", "rejected", "applied"]
    assert (results[1]["internal_code"], results[1]["retryable"]) == ("label_sheet", False)
    assert LabelTemplate.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"columns": 5}, "label_sheet"),
        ({"width": "4"}, "validation_failed"),
        ({"texts": ["price"]}, "validation_failed"),
        ({"shop": "x"}, "validation_failed"),
    ],
)
def test_a_change_that_is_refused_changes_nothing(
    api: APIClient, device: Device, data: dict[str, Any], code: str
) -> None:
    template = factories.make_labeltemplate(device)
    before = contents(device)
    refused = push_one(api, "update", "label_templates", data, id=template.uuid)
    assert (refused["status"], refused["internal_code"]) == ("rejected", code)
    assert contents(device)[:2] == before[:2]


# --- WatermelonDB ---
def test_watermelon_writes_them_in_its_own_types(api: APIClient, device: Device) -> None:
    last = melon.pull(api)["timestamp"]
    new = melon.raw(name="Shelf", width=50, height=25.4, columns=2, texts='["name","code"]', symbology="")
    melon.push_twice(api, device, last, melon.created("label_templates", new))
    row = LabelTemplate.objects.get()
    assert (plain(row.height), row.columns, row.texts, row.symbology) == ("25.4", 2, ["name", "code"], "qr")
    answer = melon.pull(api, last)
    shown = melon.row(answer, "label_templates", new["id"])
    assert (shown["height"], shown["rows"], shown["texts"]) == ("25.4", 1, '["name","code"]')
    changed = {**shown, "height": 30, "columns": 5}
    melon.push(api, answer["timestamp"], melon.updated("label_templates", changed))
    row.refresh_from_db()
    assert (row.height, row.columns) == (30, 2)  # what fits is taken, the rest comes back
    assert [case.evidence["reasons"] for case in melon.flags(device)] == [["columns: label_sheet"]]
    melon.push(api, melon.pull(api)["timestamp"], melon.deleted("label_templates", new["id"]))
    assert not LabelTemplate.objects.exists()


@pytest.mark.parametrize("size", [{}, {"width": 50}, {"width": 0, "height": 0}, {"width": 50, "height": "tall"}])
def test_a_label_without_a_size_is_kept_as_a_case_alone(api: APIClient, device: Device, size: dict[str, Any]) -> None:
    last = melon.pull(api)["timestamp"]
    rows = [melon.raw(name="Shelf", **size), melon.raw(name="Fine", width=50, height=25)]
    melon.push_twice(api, device, last, melon.created("label_templates", *rows))
    assert [row.name for row in LabelTemplate.objects.all()] == ["Fine"]
    (case,) = melon.flags(device)
    assert "it cannot be stored" in case.evidence["reasons"]


def test_a_label_that_does_not_fit_its_sheet_is_kept_as_a_case_alone(api: APIClient, device: Device) -> None:
    last = melon.pull(api)["timestamp"]
    rows = [melon.raw(name="Wide", width=50, height=25, columns=5), melon.raw(name="Fine", width=50, height=25)]
    melon.push_twice(api, device, last, melon.created("label_templates", *rows))
    assert [row.name for row in LabelTemplate.objects.all()] == ["Fine"]
    assert [case.evidence["reasons"] for case in melon.flags(device)] == [["it cannot be stored: label_sheet"]]
