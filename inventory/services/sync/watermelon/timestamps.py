"""Timestamps: WatermelonDB knows one number, so it holds both the feed's epoch and the position in it."""

from __future__ import annotations

import re

from devices.models import Feed, Installation
from inventory.errors import SyncBadCursor
from inventory.services.positions import Position

EPOCH_STEP = 10**12  # epoch · 10¹² + head stays below 2⁵³ for 9,000 epochs
NOTHING_PULLED = ("", "null", "undefined", "0")
NUMBER = re.compile(r"[0-9]{1,16}")


def timestamp(feed: Feed) -> int:
    """Where a client stands that has everything up to the feed's head."""
    return feed.epoch * EPOCH_STEP + feed.head


def read_timestamp(text: str | None) -> int | None:
    """What a client sent as last_pulled_at; None before its first pull. Raises SyncBadCursor."""
    if text is None or text in NOTHING_PULLED:
        return None
    if not NUMBER.fullmatch(text):
        raise SyncBadCursor("`last_pulled_at` takes the timestamp of the last pull, or null.")
    return int(text)


def last_position(installation: Installation | None) -> Position:
    """Where the facts of a push stand.

    WatermelonDB pulls before it pushes, so its last_pulled_at is later than what it pushes: it says nothing of what
    was known when that was done.
    """
    return Position(clock_offset_ms=installation.presence.clock_offset_ms if installation else 0)


def position(then: int | None, feed: Feed) -> int | None:
    """The revision up to which the client has everything; None if it must start again: it never pulled, or the
    timestamp is of another epoch, ahead of the feed, or behind its floor.
    """
    if then is None:
        return None
    seq = pulled_revision(then, feed)
    return seq if seq is not None and feed.floor <= seq else None


def pulled_revision(then: int | None, feed: Feed) -> int | None:
    """The revision up to which the client had pulled, behind the floor or not. None if it cannot be known."""
    epoch, seq = divmod(then or 0, EPOCH_STEP)
    return seq if epoch == feed.epoch and seq <= feed.head else None
