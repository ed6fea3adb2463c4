"""Count sheets over HTTP."""

from __future__ import annotations

from rest_framework import serializers

from config.core.fields import ExactInteger
from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import CountSheet


class SheetSerializer(RecordSerializer):
    """One zone in one pass. A device says how far it is by `state`, and its last operation when it is submitted."""

    stocktake_id = ReferenceId()
    location_id = ReferenceId(required=False, allow_null=True)
    state = serializers.ChoiceField(choices=CountSheet.State.choices, required=False)
    final_sequence = ExactInteger(min_value=0, max_value=2**62, required=False, allow_null=True)

    class Meta:
        model = CountSheet
        fields = (
            "stocktake_id", "name", "location_id", "pass_number", "assigned_to", "assignee_name", "blind", "state",
            "final_sequence", "held_by", "submitted_at", "sealed_at",
        )  # fmt: skip
        read_only_fields = ("pass_number", "blind", "held_by", "submitted_at", "sealed_at")
