"""Timestamps: WatermelonDB knows one number, so it holds both the feed's epoch and the position in it."""

from __future__ import annotations

import re

from devices.models import Feed
from inventory.errors import SyncBadCursor

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


def position(then: int | None, feed: Feed) -> int | None:
    """The revision up to which the client has everything; None if it must start again: it never pulled, or the
    timestamp is of another epoch, ahead of the feed, or behind its floor.
    """
    if then is None:
        return None
    epoch, seq = divmod(then, EPOCH_STEP)
    return seq if epoch == feed.epoch and feed.floor <= seq <= feed.head else None
