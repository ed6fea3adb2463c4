"""Kinds of jobs: what each is called, what it takes and what it does; filled by the jobs package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from config.core.errors import FieldProblem
from devices.models import Device
from inventory.errors import JobParameters, UnknownJobKind
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import JobRun, Retry

Values = dict[str, Any]
Scope = Literal["device", "server", "any"]


@dataclass(frozen=True, slots=True)
class JobKind:
    """`build` does the work and leaves its figures in `run.result`.

    It may be called again after a worker died: effects belong in `run.effect()` (see there).
    `scope`: a job of this kind is about one device, about the whole server, or either.
    `check` looks at the parameters together, once each is right by itself, and returns them as they are stored;
    it raises JobParameters, or ReferenceNotFound for an id that names no row of the device.
    """

    name: str
    title: str
    build: Callable[[JobRun], None]
    scope: Scope = "device"
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    check: Callable[[Device | None, Values], Values] | None = None
    retry: Retry = field(default_factory=Retry)


KINDS: dict[str, JobKind] = {}


def register_kind(kind: JobKind) -> None:
    """Make a kind known in this process. Raises ValueError for a name that is taken."""
    if kind.name in KINDS:
        raise ValueError(f"two kinds of jobs are called {kind.name!r}")
    KINDS[kind.name] = kind


def find_kind(name: str) -> JobKind:
    """Raises UnknownJobKind."""
    try:
        return KINDS[name]
    except KeyError:
        raise UnknownJobKind(f"`{name[:80]}` is not one of: {', '.join(sorted(KINDS))}.") from None


def check_parameters(kind: JobKind, *, device: Device | None, given: Mapping[str, Any]) -> Values:
    """The parameters as they are stored. Raises JobParameters with every problem, and what the kind's check raises."""
    problems: list[FieldProblem] = []
    values: Values = {}
    if kind.scope != "any" and (kind.scope == "device") != (device is not None):
        detail = "This job needs a device." if device is None else "This job is about the whole server."
        problems.append(FieldProblem("device", "scope", detail))
    problems += [FieldProblem(name[:80], "unknown_field", "unknown") for name in given if name not in kind.parameters]
    for name, parameter in kind.parameters.items():
        if name not in given:
            if parameter.default is not None:
                values[name] = parameter.default
            elif parameter.required:
                problems.append(FieldProblem(name, "required", "This parameter is required."))
            continue
        try:
            values[name] = parameter.read(given[name])
        except ValueError as error:
            problems.append(FieldProblem(name, "invalid", str(error)))
    if problems:
        raise JobParameters(f"`{problems[0].field}`: {problems[0].detail}", errors=problems)
    return kind.check(device, values) if kind.check else values
