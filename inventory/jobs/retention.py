"""retention: removes what is past its time, a little at a time."""

from __future__ import annotations

from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_runs import JobRun
from inventory.services.retention import EXPIRED, purge_some


def build(run: JobRun) -> None:
    """Remove in short transactions until nothing is left; result: how many rows of each sort."""
    for name in EXPIRED:
        removed = 1
        while removed:
            with run.effect():
                removed = purge_some(name)
                run.result[name] = run.result.get(name, 0) + removed
                run.progress(run.done + removed, message=name.replace("_", " "))


register_kind(JobKind(name="retention", title="Retention", build=build, scope="server"))
