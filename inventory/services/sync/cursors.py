"""Cursors: where a client stands in a device's feed (PROTOCOL §3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from devices.models import Feed
from inventory.errors import SyncBadCursor, SyncResyncRequired

CURSOR = re.compile(r"1\.([0-9]{1,9})\.([0-9]{1,18})\.([0-9]{1,18})")
REVISION = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Cursor:
    """`seq` = the last revision delivered; `base` = the head at which the client's state is complete."""

    epoch: int
    seq: int
    base: int

    def __str__(self) -> str:
        return f"1.{self.epoch}.{self.seq}.{self.base}"

    def at(self, seq: int) -> Cursor:
        """The same client, further on."""
        return replace(self, seq=seq)


def read_cursor(text: str | None, feed: Feed) -> Cursor:
    """The cursor a client sent, or the start of the feed. Raises SyncBadCursor, SyncResyncRequired."""
    if not text:
        return Cursor(feed.epoch, 0, feed.head)
    match = CURSOR.fullmatch(text)
    if not match:
        raise SyncBadCursor
    cursor = Cursor(*map(int, match.groups()))
    refuse_stale(cursor, feed)
    return cursor


def read_base(text: str | None, feed: Feed) -> int | None:
    """The revision up to which a client says it had pulled: a cursor or a bare revision. None if it cannot be known."""
    match = CURSOR.fullmatch(text or "")
    epoch, seq = (int(match[1]), int(match[2])) if match else (feed.epoch, _revision(text))
    return seq if seq is not None and epoch == feed.epoch and seq <= feed.head else None


def _revision(text: str | None) -> int | None:
    return int(text) if text and REVISION.fullmatch(text) else None


def refuse_stale(cursor: Cursor, feed: Feed) -> None:
    """Raise SyncResyncRequired for a cursor of another epoch, ahead of the feed, or behind its floor."""
    if cursor.epoch != feed.epoch:
        raise SyncResyncRequired("epoch", "The server was restored from a backup since this cursor was made.")
    if cursor.seq > feed.head or cursor.base > feed.head:
        raise SyncResyncRequired("ahead", "This cursor is ahead of the server.")
    if cursor.base < feed.floor:
        raise SyncResyncRequired("expired", "Deletions since this cursor are no longer known.")
