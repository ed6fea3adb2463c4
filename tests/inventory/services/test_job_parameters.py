"""Parameters of jobs: what each takes, from JSON and from a command line, and what it says otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from config.core.errors import FieldProblem
from devices.models import Device
from inventory.errors import JobParameters
from inventory.models import Job
from inventory.services import job_parameters as fields
from inventory.services.job_kinds import KINDS, JobKind, register_kind
from inventory.services.jobs import request_job
from tests.factories import TESTER

ID = "0192f0c4-0000-7000-8000-000000000001"
COLOURS = fields.several(fields.choice("red", "blue"), most=2)


@pytest.mark.parametrize(
    ("parameter", "given", "stored"),
    [
        (fields.text(), "a", "a"),
        (fields.text(most=3), "abc", "abc"),
        (fields.choice("csv", "pdf"), "pdf", "pdf"),
        (fields.whole(), 5, 5),
        (fields.whole(least=-9), "-5", -5),
        (fields.flag(), True, True),
        (fields.flag(), "false", False),
        (fields.day(), "2026-01-31", "2026-01-31"),
        (fields.moment(), "2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        (fields.ident(), ID, ID),
        (fields.ident(), ID.upper(), ID),
        (COLOURS, ["red"], ["red"]),
        (COLOURS, "red,blue", ["red", "blue"]),
        (fields.mapping(), {"a": "b"}, {"a": "b"}),
    ],
)
def test_what_is_taken(parameter: fields.Parameter, given: Any, stored: Any) -> None:
    assert parameter.read(given) == stored


WRONG: list[tuple[fields.Parameter, tuple[Any, ...]]] = [
    (fields.text(most=3), ("", "abcd", 5, None, "\x00", "\ud800")),
    (fields.choice("csv"), ("CSV", "", 1, None, ["csv"])),
    (fields.whole(most=9), ("", "x", "١", 10, -1, 1.0, True, None, "9" * 40)),
    (fields.flag(), ("", "yes", 1, None, [])),
    (fields.day(), ("", "31.1.2026", 20260131, None, "2026-02-30")),
    (fields.moment(), ("", "2026-01-31", "2026-01-31T12:00:00", 1, None, "2026-02-30T12:00:00Z")),
    (fields.ident(), ("", "x", 1, None)),
    (COLOURS, ("", "green", [], ["red"] * 3, {"red": 1}, None)),
    (fields.mapping(most=1), ([], "a", {"a": 1}, {"a": "b", "c": "d"}, None)),
]


@pytest.mark.parametrize(("parameter", "given"), [(parameter, bad) for parameter, all_ in WRONG for bad in all_])
def test_what_is_not_taken(parameter: fields.Parameter, given: Any) -> None:
    with pytest.raises(ValueError, match="Give"):
        parameter.read(given)


@pytest.fixture
def toy() -> Iterator[None]:
    def check(device: Device | None, values: dict[str, Any]) -> dict[str, Any]:
        if values["first"] > values["size"]:
            raise JobParameters("`first`: too late", errors=[FieldProblem("first", "invalid", "too late")])
        return {**values, "device_named": str(device)}

    parameters = {"first": fields.whole(default=1), "size": fields.whole(), "id": fields.ident(required=False)}
    register_kind(JobKind("toy", "Toy", lambda run: None, parameters=parameters, check=check))
    yield
    del KINDS["toy"]


def ask(device: Device, **parameters: Any) -> Job:
    return request_job(kind="toy", actor=TESTER, device=device, parameters=parameters)


@pytest.mark.usefixtures("toy")
def test_defaults_are_stored_and_the_kind_has_the_last_word(device: Device) -> None:
    assert ask(device, size=3).parameters == {"first": 1, "size": 3, "device_named": str(device)}
    assert ask(device, size=3, first=2, id=UUID(ID).hex).parameters["id"] == ID


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("parameters", "problems"),
    [
        ({"size": "x", "id": 5}, {"size": "invalid", "id": "invalid"}),
        ({"colour": "red"}, {"colour": "unknown_field", "size": "required"}),
        ({"size": 1, "first": 2}, {"first": "invalid"}),
    ],
)
def test_every_problem_names_its_field(device: Device, parameters: Any, problems: dict[str, str]) -> None:
    with pytest.raises(JobParameters) as refused:
        ask(device, **parameters)
    assert {problem.field: problem.code for problem in refused.value.errors} == problems
    assert not Job.objects.exists()
