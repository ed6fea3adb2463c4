"""Blindness where rows cannot be hidden one by one: a file about the whole book is not made for a blind counter."""

from __future__ import annotations

from devices.models import Installation
from inventory.errors.counting import CountingBlindly
from inventory.models.blindness import counts_blindly


def refuse_blind(installation: Installation | None) -> None:
    """Raise CountingBlindly for an installation that counts blindly now; people never do."""
    if installation is not None and counts_blindly(installation):
        raise CountingBlindly
