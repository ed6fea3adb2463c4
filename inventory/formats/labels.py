"""The codes on our own labels: what kind of thing it is, and its id."""

import re
from base64 import b32decode, b32encode
from enum import Enum
from uuid import UUID

_LABEL = re.compile(r"COM1:([PLTD]):([A-Z2-7]{26})")


class LabelKind(Enum):
    """What a label sticks on; the value is its letter in the code."""

    PRODUCT = "P"
    LOCATION = "L"
    LOT = "T"
    DEVICE = "D"


def encode_label(kind: LabelKind, uuid: UUID) -> str:
    """The text of a label, 33 characters, all of them in QR's compact alphanumeric set (0-9 A-Z :)."""
    return f"COM1:{kind.value}:{b32encode(uuid.bytes).decode().rstrip('=')}"


def decode_label(code: str) -> tuple[LabelKind, UUID] | None:
    """What a scanned label names, or None where `code` is not one of our labels.

    Space around it and lower case are accepted. Exactly one code exists per kind and id: spare
    bits at the end that are not zero are refused.
    """
    text = code.strip()
    if not text.isascii():  # upper() would turn some other letters into ASCII ones
        return None
    match = _LABEL.fullmatch(text.upper())
    if match is None:
        return None
    kind, uuid = LabelKind(match[1]), UUID(bytes=b32decode(f"{match[2]}======"))
    return (kind, uuid) if encode_label(kind, uuid) == match[0] else None
