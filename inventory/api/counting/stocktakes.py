"""Stocktakes over HTTP."""

from __future__ import annotations

from rest_framework import serializers

from devices.api.records import RecordSerializer, ReferenceId
from inventory.models import Stocktake


class StocktakeSerializer(RecordSerializer):
    """One count of the device's stock. The policy is the server's; the state moves by the actions below it."""

    campaign_id = ReferenceId(read_only=True)
    location_id = ReferenceId(required=False, allow_null=True)
    category_id = ReferenceId(required=False, allow_null=True)
    policy = serializers.DictField(read_only=True)

    class Meta:
        model = Stocktake
        fields = (
            "campaign_id", "name", "kind", "state", "note", "location_id", "category_id", "policy", "scheduled_for",
            "pass_number", "evaluated_head", "opened_at", "closed_at", "posted_at", "approved_by",
        )  # fmt: skip
        read_only_fields = (
            "state", "pass_number", "evaluated_head", "opened_at", "closed_at", "posted_at", "approved_by",
        )  # fmt: skip
