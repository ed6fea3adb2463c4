"""Continuous scanning: the shape of raw codes, and of what is answered at once."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from config.core.errors import PayloadTooLarge
from config.core.fields import ExactId, ExactText, ExactTime, QuantityWire
from config.core.pagination import MAX_LIMIT
from devices.api.records import StrictSerializer
from devices.models import Device
from inventory.api.counting.placing import BaseField, position_of
from inventory.models import ScanEvent
from inventory.services.counting.scans import Heard, RawScan
from inventory.services.scan import MAX_CODE


class RawScanSerializer(StrictSerializer):
    """One code as it was scanned; `quantity` = how many at once (1), `location_id` where (as before).

    Without `counted_at` it is counted now, knowing all that the server knows; with it, when it was scanned.
    """

    id = ExactId(required=False)
    code = ExactText(max_length=MAX_CODE)
    quantity = QuantityWire(above=0, required=False)
    location_id = ExactId(required=False, allow_null=True)
    counted_at = ExactTime(required=False, allow_null=True)
    base_revision = BaseField()


class HeardProduct(serializers.Serializer[Any]):
    """What was scanned."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()
    sku = serializers.CharField()
    unit = serializers.CharField()


class HeardLocation(serializers.Serializer[Any]):
    """Where it is counted."""

    id = serializers.UUIDField(source="uuid")
    name = serializers.CharField()


class HeardLot(serializers.Serializer[Any]):
    """Its lot or serial."""

    id = serializers.UUIDField(source="uuid")
    code = serializers.CharField()
    kind = serializers.CharField()
    expires_on = serializers.DateField(allow_null=True)


class HeardSerializer(serializers.Serializer[Any]):
    """What became of one code.

    `outcome`: counted, place (the next codes are counted there), serial_again (not counted twice), unknown (a case).
    `quantity` = what this scan added (of an unknown code: how many packs there were), `total` = the bucket on this
    sheet so far. `flags`: misplaced (the book has it elsewhere and not here), already_counted (on another sheet of this
    pass).
    """

    scan_id = serializers.UUIDField(source="event.uuid")
    code = serializers.CharField(source="event.code")
    outcome = serializers.ChoiceField(choices=ScanEvent.Outcome.choices, source="event.outcome")
    match = serializers.CharField(source="event.match")
    product = HeardProduct(source="event.product", allow_null=True)
    location = HeardLocation(source="event.location")
    lot = HeardLot(source="event.lot", allow_null=True)
    quantity = QuantityWire(source="event.quantity", allow_null=True)
    total = QuantityWire(allow_null=True)
    flags = serializers.ListField(child=serializers.CharField())
    entry_id = serializers.UUIDField(source="entry.uuid", default=None, allow_null=True)
    case_id = serializers.UUIDField(source="scan.case.uuid", default=None, allow_null=True)
    is_late = serializers.BooleanField(source="event.is_late")


class HeardManySerializer(serializers.Serializer[Any]):
    """One result per code, in order."""

    results = HeardSerializer(many=True)


def read_scans(request: Request, device: Device) -> list[RawScan]:
    """The codes of a request: one, or a list of at most 500. Raises PayloadTooLarge."""
    many = isinstance(request.data, list)
    if many and len(request.data) > MAX_LIMIT:
        raise PayloadTooLarge(f"A list may have at most {MAX_LIMIT} codes.")
    shape: dict[str, Any] = {"many": True, "allow_empty": False} if many else {}
    serializer = RawScanSerializer(data=request.data, context={"device": device}, **shape)
    serializer.is_valid(raise_exception=True)
    found: Any = serializer.validated_data
    return [RawScan(**row, position=position_of(request, row)) for row in (found if many else [found])]


def show_heard(heard: list[Heard], *, many: bool, blind: bool) -> Any:
    """What is answered: one result, or a list of them. On a blind sheet nothing is told of the book."""
    for found in heard if blind else ():
        found.flags = [flag for flag in found.flags if flag != "misplaced"]
    return {"results": HeardSerializer(heard, many=True).data} if many else HeardSerializer(heard[0]).data
