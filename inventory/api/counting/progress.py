"""The shape of a stocktake's progress."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from inventory.api.counting.lines import UNTOLD


class LocationProgress(serializers.Serializer[Any]):
    """Lines of one location: all, counted at least once, decided."""

    location_id = serializers.UUIDField()
    location_name = serializers.CharField()
    lines = serializers.IntegerField()
    counted = serializers.IntegerField()
    decided = serializers.IntegerField(allow_null=True)


class CounterProgress(serializers.Serializer[Any]):
    """Counts of one person or installation; `late` ones do not count."""

    counter = serializers.CharField()
    counter_name = serializers.CharField()
    counts = serializers.IntegerField()
    late = serializers.IntegerField()
    products = serializers.IntegerField()
    last_at = serializers.DateTimeField()


class ProgressJob(serializers.Serializer[Any]):
    """The job that works on its lines."""

    id = serializers.UUIDField(source="uuid")
    status = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a stocktake is. `lines` and `sheets` by state, `cases` by kind (open ones)."""

    state = serializers.CharField()
    pass_number = serializers.IntegerField()
    total = serializers.IntegerField()
    counted = serializers.IntegerField()
    decided = serializers.IntegerField(allow_null=True)
    lines = serializers.DictField(child=serializers.IntegerField())
    sheets = serializers.DictField(child=serializers.IntegerField())
    unknown_scans = serializers.IntegerField()
    cases = serializers.DictField(child=serializers.IntegerField())
    by_location = LocationProgress(many=True)
    by_counter = CounterProgress(many=True)
    job = ProgressJob(allow_null=True)


def veil_progress(shown: dict[str, Any]) -> dict[str, Any]:
    """As shown to whoever counts blindly: counted or not, nothing of what came of it."""
    untold = {state: number for state, number in shown["lines"].items() if state in UNTOLD}
    rest = shown["total"] - sum(untold.values())
    lines = {**untold, "counted": untold.get("counted", 0) + rest}
    places = [{**place, "decided": None} for place in shown["by_location"]]
    return {**shown, "decided": None, "lines": lines, "cases": {}, "by_location": places}
