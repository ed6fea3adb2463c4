"""Cursors: where a client stands in the feed of one device (PROTOCOL §3)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from devices.models import Device, Feed
from inventory.errors import SyncBadCursor, SyncResyncRequired

CURSOR = re.compile(r"1\.([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})")
REVISION = re.compile(r"[0-9]{1,18}")
EPOCHS = 10**4  # a cursor's epoch ends in the feed's; the digits before are the device's (ADR 6)
MARKS = range(10**12, 10**13)


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


def head_cursor(device: Device, feed: Feed) -> Cursor:
    """Where a client stands that has everything."""
    return Cursor(_own_epoch(device, feed), feed.head, feed.head)


def read_cursor(text: str | None, device: Device, feed: Feed) -> Cursor:
    """The cursor a client sent, or the start of the feed. Raises SyncBadCursor, SyncResyncRequired."""
    if not text:
        return head_cursor(device, feed).at(0)
    match = CURSOR.fullmatch(text)
    if not match:
        raise SyncBadCursor
    epoch, seq, base = map(int, match.groups())
    if not _is_own(epoch, device, feed):
        raise SyncResyncRequired("epoch", "This cursor is another device's, or from before a restore of the server.")
    if seq > feed.head or base > feed.head:
        raise SyncResyncRequired("ahead", "This cursor is ahead of the server.")
    if base < feed.floor:
        raise SyncResyncRequired("expired", "Deletions since this cursor are no longer known.")
    return Cursor(_own_epoch(device, feed), seq, base)


def read_base(text: str | None, device: Device, feed: Feed) -> int | None:
    """The revision up to which a client says it had pulled: a cursor or a bare revision. None if it cannot be known."""
    known = told_base(text or "", device, feed)
    return known if known is not None and known <= feed.head else None


def told_base(text: str, device: Device, feed: Feed) -> int | None:
    """As read_base(), whether the feed has come so far or not. None for a cursor of another epoch."""
    match = CURSOR.fullmatch(text)
    if match is not None and _is_own(int(match[1]), device, feed):
        text = match[2]
    return int(text) if REVISION.fullmatch(text) else None


def _own_epoch(device: Device, feed: Feed) -> int:
    """The feed's epoch with the device's mark before it: no other device has the same."""
    digest = hashlib.sha256(b"cursor:" + device.uuid.bytes).digest()
    return MARKS[int.from_bytes(digest[:8], "big") % len(MARKS)] * EPOCHS + feed.epoch


def _is_own(epoch: int, device: Device, feed: Feed) -> bool:
    """A bare epoch is that of a cursor from before they had a mark."""
    return epoch in (feed.epoch, _own_epoch(device, feed))
