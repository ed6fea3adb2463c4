"""Work on many lines: at most 500 in a transaction, the first at once, the rest in a job with progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from config.core.statistics import refresh_statistics
from devices.actors import Actor
from devices.services.owned import change_owned, lock_owned
from inventory.models import CountEntry, CountSheet, Product, StockLevel, StockMovement, Stocktake, StocktakeLine
from inventory.models.lines import DECIDED, Line
from inventory.models.sheets import WORKED_ON
from inventory.models.stocktakes import COUNTABLE, State
from inventory.services.counting.emptied import add_emptied
from inventory.services.counting.judgement import CHUNK, judge_some, lock_and_head
from inventory.services.counting.posting import post_some, reverse_some
from inventory.services.counting.preparation import prepare_some
from inventory.services.counting.states import move_stocktake
from inventory.services.jobs import request_job

KIND = "stocktake"
MANY = 2_000  # lines; with fewer, a plan that was made for an empty table costs little


@transaction.atomic
def advance(stocktake: Stocktake, step: str, *, actor: Actor) -> None:
    """Do the first 500 lines of a step now, and ask for a job to do the rest if there may be more."""
    if STEPS[step](stocktake, actor=actor) >= CHUNK:
        parameters = {"stocktake": str(stocktake.uuid), "step": step}
        request_job(kind=KIND, actor=actor, device=stocktake.device, parameters=parameters)


def _prepare(stocktake: Stocktake, *, actor: Actor) -> int:
    return prepare_some(stocktake, actor=actor) if stocktake.state in COUNTABLE else 0


def _evaluate(stocktake: Stocktake, *, actor: Actor) -> int:
    """Judge some lines; with the last ones the stocktake is up for review."""
    if stocktake.state != State.CLOSING:
        return 0
    made = max(prepare_some(stocktake, actor=actor), len(add_emptied(stocktake, actor=actor)))
    done = max(made, judge_some(stocktake, actor=actor))
    if done < CHUNK:
        move_stocktake(stocktake, "evaluate", actor=actor, action="evaluated")
    return done


def _post(stocktake: Stocktake, *, actor: Actor) -> int:
    """Post some decided lines; with the last ones of an approved stocktake it is posted."""
    if stocktake.state not in (State.COUNTING, State.REVIEW, State.APPROVED):
        return 0
    done = post_some(stocktake, actor=actor, limit=CHUNK)
    stocktake.refresh_from_db(fields=["state"])
    if done < CHUNK and stocktake.state == State.APPROVED:
        move_stocktake(stocktake, "post", actor=actor, action="posted", posted_at=timezone.now())
    return done


def _reverse(stocktake: Stocktake, *, actor: Actor) -> int:
    return reverse_some(stocktake, actor=actor, limit=CHUNK) if stocktake.state == State.REVERSED else 0


STEPS: Mapping[str, Callable[..., int]] = {
    "prepare": _prepare,
    "evaluate": _evaluate,
    "post": _post,
    "reverse": _reverse,
}


def begin_step(stocktake: Stocktake, step: str) -> int:
    """About how many lines a step has to do. Before many, the database looks at the tables that they are found in."""
    lines = stocktake.lines.all()
    if step == "post":
        lines = lines.filter(state__in=(*DECIDED, Line.TO_COUNT))
    elif step == "reverse":
        lines = lines.filter(state=Line.POSTED)
    found = int(lines.count())
    if found > MANY:
        refresh_statistics((StocktakeLine, CountEntry, StockMovement, StockLevel, Product))
    return found


@transaction.atomic
def evaluate_if_complete(stocktake: Stocktake, *, actor: Actor) -> None:
    """A closing stocktake whose every sheet is sealed or abandoned is evaluated; others wait."""
    head = lock_and_head(stocktake.device)
    open_sheets = CountSheet.objects.filter(stocktake=OuterRef("pk"), state__in=WORKED_ON)
    ready = Stocktake.objects.filter(pk=stocktake.pk, state=State.CLOSING).exclude(Exists(open_sheets))
    current = ready.select_related("device", "location", "category").first()
    if current is None:
        return
    mark = lock_owned(current)
    current = change_owned(mark[0], revision=mark[1], actor=actor, changes={"evaluated_head": head}, action="sealed")
    advance(current, "evaluate", actor=actor)
