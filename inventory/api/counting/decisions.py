"""Decisions on many lines at once: one result per line, one bad line never blocks the others."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from config.core.errors import NotFound
from config.core.fields import ExactId, ExactText
from config.core.pagination import MAX_LIMIT
from config.core.problems import body
from devices.actors import Actor
from devices.api.records import StrictSerializer
from inventory.api.callers import calling_installation
from inventory.api.counting.lines import LINE_REFERENCES, LISTS, LineSerializer
from inventory.errors.counting import FourEyes
from inventory.models import Stocktake, StocktakeLine, VarianceReason
from inventory.models.blindness import is_blind
from inventory.services.counting.decisions import CHECKS, decide_lines


class DecisionsSerializer(StrictSerializer):
    """`line_ids`, or the name of a `list`: of that the first 500 lines that wait for a decision."""

    line_ids = serializers.ListField(child=ExactId(), max_length=MAX_LIMIT, allow_empty=False, required=False)
    list = serializers.ChoiceField(choices=LISTS, required=False)
    action = serializers.ChoiceField(choices=tuple(CHECKS))
    reason = serializers.ChoiceField(choices=VarianceReason.choices, required=False, allow_blank=True)
    note = ExactText(required=False, allow_blank=True, max_length=10_000)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("line_ids" in attrs) == ("list" in attrs):
            raise serializers.ValidationError({"line_ids": "Give either line_ids or a list."}, code="invalid")
        return attrs


class DecidedLine(serializers.Serializer[Any]):
    """`row` where status is 200, else `problem`."""

    line_id = serializers.UUIDField()
    status = serializers.IntegerField()
    row = LineSerializer(required=False)
    problem = serializers.DictField(required=False)


class DecidedSerializer(serializers.Serializer[Any]):
    """One result per line, in order."""

    results = DecidedLine(many=True)


def decide(stocktake: Stocktake, request: Request, *, actor: Actor, context: dict[str, Any]) -> dict[str, Any]:
    """Carry out the request; a line that is not there, or not of this stocktake, is a 404 of its own.

    Raises FourEyes for whoever counts blindly.
    """
    serializer = DecisionsSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    values = dict(serializer.validated_data)
    ids, listed = values.pop("line_ids", None), values.pop("list", None)
    if is_blind(calling_installation(request), stocktake):
        raise FourEyes  # the refusals alone would tell
    lines = stocktake.lines.order_by("pk")
    wanted = lines.filter(uuid__in=ids) if listed is None else getattr(lines, listed)().waiting()
    found = {line.uuid: line for line in wanted[:MAX_LIMIT]}
    outcome = decide_lines(stocktake, list(found.values()), actor=actor, **values)
    results: dict[Any, Any] = dict(zip(found, outcome, strict=True))
    rows = StocktakeLine.objects.select_related(*LINE_REFERENCES).in_bulk([line.pk for line in found.values()])
    answers = []
    for id in dict.fromkeys(found if ids is None else ids):
        result = results.get(id, NotFound())
        if isinstance(result, StocktakeLine):
            row = LineSerializer(rows[result.pk], context=context).data
            answers.append({"line_id": id, "status": 200, "row": row})
        else:
            answers.append({"line_id": id, "status": result.status, "problem": body(result, request)})
    return {"results": answers}
