"""stocktake: prepares, evaluates, posts or reverses the lines of a stocktake, 500 in a transaction."""

from __future__ import annotations

from uuid import UUID

from inventory.models import Stocktake
from inventory.services.counting.judgement import CHUNK
from inventory.services.counting.work import KIND, STEPS, begin_step
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter
from inventory.services.job_runs import JobRun


def _stocktake(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise ValueError("Give the id of a stocktake.") from None


def _step(value: object) -> str:
    if value not in STEPS:
        raise ValueError(f"Use one of {', '.join(STEPS)}.")
    return str(value)


def build(run: JobRun) -> None:
    """Go on until a step finds fewer than 500 lines: where it died, the lines themselves say what is left."""
    step = run.parameters["step"]
    rows = Stocktake.objects.for_device(run.device).select_related("device", "location", "category")
    stocktake = rows.get(uuid=run.parameters["stocktake"])
    run.progress(total=run.done + begin_step(stocktake, step), message=f"{step} {stocktake}"[:500])
    done = CHUNK
    while done >= CHUNK:
        with run.effect():
            stocktake = rows.get(pk=stocktake.pk)
            done = STEPS[step](stocktake, actor=run.actor)
            run.result["lines"] = run.result.get("lines", 0) + done
            run.progress(run.done + done)


register_kind(
    JobKind(
        name=KIND,
        title="Stocktake",
        build=build,
        parameters={"stocktake": Parameter(_stocktake), "step": Parameter(_step)},
    )
)
