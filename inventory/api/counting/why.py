"""The shape of the answer to: why is this 7?"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.core.fields import QuantityWire
from inventory.services.counting.explanation import SENTENCES


class Named(serializers.Serializer[Any]):
    """A row and what people call it."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class WhyProduct(Named):
    """The product and the unit of all quantities here."""

    unit = serializers.CharField()


class WhyLot(serializers.Serializer[Any]):
    """The lot or serial."""

    id = serializers.UUIDField()
    code = serializers.CharField()


class WhyStored(serializers.Serializer[Any]):
    """The line as the last evaluation wrote it; `head` = the feed position it was computed at."""

    counted = QuantityWire(allow_null=True)
    expected = QuantityWire(allow_null=True)
    variance = QuantityWire(allow_null=True)
    head = serializers.IntegerField(allow_null=True)
    counted_at = serializers.DateTimeField(allow_null=True)


class WhyEntry(serializers.Serializer[Any]):
    """One count that the total is made of."""

    id = serializers.UUIDField()
    sheet_id = serializers.UUIDField()
    sheet = serializers.CharField()
    mode = serializers.CharField()
    quantity = QuantityWire()
    counter = serializers.CharField()
    installation_id = serializers.UUIDField(allow_null=True)
    counted_at = serializers.DateTimeField(allow_null=True)
    corrected_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    clock_offset_ms = serializers.IntegerField()
    sequence = serializers.IntegerField(allow_null=True)
    base_revision = serializers.IntegerField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    note = serializers.CharField()


class WhyMovement(serializers.Serializer[Any]):
    """One movement after the earliest count: part of `expected` or not, `in_doubt` or not, and why."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    quantity = QuantityWire()
    occurred_at = serializers.DateTimeField()
    corrected_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    revision = serializers.IntegerField()
    expected = serializers.BooleanField()
    in_doubt = serializers.BooleanField()
    why = serializers.ChoiceField(choices=list(SENTENCES))
    because = serializers.CharField()


class WhyPass(serializers.Serializer[Any]):
    """One pass."""

    counted = QuantityWire()
    expected = QuantityWire()
    variance = QuantityWire()
    counters = serializers.ListField(child=serializers.CharField())
    counted_at = serializers.DateTimeField()
    entries = WhyEntry(many=True)
    movements = WhyMovement(many=True)

    def get_fields(self) -> dict[str, Any]:
        """`pass` is a word of Python's."""
        return {"pass": serializers.IntegerField(), **super().get_fields()}


class WhyDecision(serializers.Serializer[Any]):
    """Who decided what, and what posting booked."""

    by = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()
    note = serializers.CharField()
    movement_id = serializers.UUIDField(allow_null=True)


class WhyEvent(serializers.Serializer[Any]):
    """What happened to the line."""

    action = serializers.CharField()
    by = serializers.CharField()
    at = serializers.DateTimeField()
    revision = serializers.IntegerField()


class WhySerializer(serializers.Serializer[Any]):
    """Everything behind one line; `sentence` says it in words."""

    line_id = serializers.UUIDField()
    product = WhyProduct()
    location = Named()
    lot = WhyLot(allow_null=True)
    state = serializers.CharField()
    flags = serializers.ListField(child=serializers.CharField())
    level_now = QuantityWire(allow_null=True)
    stored = WhyStored()
    passes = WhyPass(many=True)
    sentence = serializers.CharField()
    decision = WhyDecision(allow_null=True)
    history = WhyEvent(many=True)


def veil_explanation(explained: dict[str, Any]) -> dict[str, Any]:
    """What whoever counts the line blindly is told of it: that it is theirs to count."""
    return {
        **explained,
        "state": "counted" if explained["passes"] else "to_count",
        "flags": [],
        "level_now": None,
        "stored": dict.fromkeys(explained["stored"]),
        "passes": [],
        "sentence": "You count it blindly: what is expected is shown once it is posted.",
        "decision": None,
        "history": [],
    }
