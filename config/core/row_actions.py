"""What staff do to rows beside editing: asked first, carried out by a service, told afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db import DatabaseError

from config.core.errors import AppError
from config.core.problems import as_app_error

MOST_ROWS = 500  # each row is a transaction of its own; more belongs into a job


@dataclass(frozen=True, slots=True)
class RowAction:
    """A button on a row's page and an action on its list.

    `run(row, actor=…, **answers)` is the service. `question` says what will happen. `fits` tells rows where
    the button makes sense; the service is the judge all the same.
    """

    name: str
    label: str
    question: str
    run: Callable[..., Any]
    permission: str = "change"
    icon: str = ""
    danger: bool = False
    answers: type[forms.Form] = forms.Form
    fits: Callable[[Any], bool] = bool  # every row
    bulk: bool = True


def carry_out(
    action: RowAction, rows: Iterable[Any], *, actor: Any, answers: dict[str, Any]
) -> tuple[int, list[tuple[Any, AppError]]]:
    """Run the action on each row. Returns how many were done, and the refusals by row."""
    done, refused = 0, []
    for row in rows:
        try:
            action.run(row, actor=actor, **answers)
            done += 1
        except (AppError, DatabaseError) as error:
            refused.append((row, refusal(error)))
    return done, refused


def refusal(error: AppError | DatabaseError) -> AppError:
    """The refusal that people are shown; anything that is none (a bug, a broken disk) goes on as it came."""
    known = as_app_error(error)
    if type(known) is AppError:
        raise error
    return known


def sentence(error: AppError) -> str:
    """A refusal in words: what is wrong, the detail where it says more, and what to do."""
    detail = "" if error.detail == error.title else f" {error.detail.rstrip('.')}."
    return f"{error.title.rstrip('.')}.{detail} {error.advice}"


def tell(request: Any, action: RowAction, done: int, refused: list[tuple[Any, AppError]], *, noun: str) -> None:
    """Say what happened as messages; at most ten refusals one by one."""
    if done:
        messages.success(request, f"{action.label}: done for {done} {noun}.")
    for row, error in refused[:10]:
        messages.error(request, f"{row}: {sentence(error)}")
    if len(refused) > 10:  # noqa: PLR2004  # as the docstring says
        messages.error(request, f"… and {len(refused) - 10} more were refused.")
