"""Suspend, resume, drain, revoke: the buttons of devices and installations."""

from __future__ import annotations

from functools import partial
from typing import Any

from config.core.row_actions import RowAction
from devices.models import NEXT_STANDINGS, Standing

STANDING_COLOURS = {"Active": "success", "Suspended": "warning", "Draining": "info", "Revoked": "danger"}
DRAIN = "It may only push what is queued, which is kept for staff to decide. Revoke it when the queue is empty."
REVOKE = "Its token stops working for good, and what it has queued is refused. Drain it first to keep the queue."
BUTTONS = (
    (Standing.SUSPENDED, "suspend", "Suspend", "It is refused until it is resumed.", "pause"),
    (Standing.ACTIVE, "resume", "Resume", "It may work again with the same token.", "play_arrow"),
    (Standing.DRAINING, "drain", "Drain", DRAIN, "water_drop"),
    (Standing.REVOKED, "revoke", "Revoke", REVOKE, "block"),
)


def standing_actions(run: Any) -> tuple[RowAction, ...]:
    """One action per standing; `run(row, actor=…, standing=…)`."""
    return tuple(
        RowAction(
            name,
            label,
            question,
            partial(run, standing=standing),
            icon=icon,
            danger=standing is Standing.REVOKED,
            fits=partial(_leads_to, standing),
        )
        for standing, name, label, question, icon in BUTTONS
    )


def _leads_to(standing: Standing, row: Any) -> bool:
    return standing in NEXT_STANDINGS[row.standing]
