"""The shape of every row on the wire; bodies are checked for shape only."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from rest_framework import serializers
from rest_framework.utils.model_meta import get_field_info

from config.core.errors import UnknownFieldWanted
from config.core.fields import (
    AttributesField,
    ExactBoolean,
    ExactDate,
    ExactId,
    ExactInteger,
    ExactText,
    ExactTime,
    QuantityWire,
)
from config.core.quantities import QuantityField
from config.core.wire import parse_json, to_json

MAX_UNKNOWN = 20  # named in one answer
WIRE_FIELDS: dict[Any, Any] = {
    **serializers.ModelSerializer.serializer_field_mapping,
    **dict.fromkeys((models.CharField, models.TextField), ExactText),
    **dict.fromkeys((models.IntegerField, models.BigIntegerField), ExactInteger),
    **dict.fromkeys((models.PositiveIntegerField, models.PositiveSmallIntegerField), ExactInteger),
    models.BooleanField: ExactBoolean,
    models.DateField: ExactDate,
    models.DateTimeField: ExactTime,
    models.JSONField: AttributesField,
    QuantityField: QuantityWire,
}
RECORD_FIELDS = ("id", "device", "revision", "created_at", "updated_at", "deleted_at")


class ReferenceId(ExactId):
    """`category_id`: the wire id of a row of the same device; services look it up inside the device."""

    def get_attribute(self, instance: Any) -> UUID | None:
        related = getattr(instance, str(self.field_name).removesuffix("_id"))
        return None if related is None else related.uuid


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown and server-owned fields: a typo must not be a silent success."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self._refuse(data)
        return super().to_internal_value(data)

    def _refuse(self, data: dict[str, Any]) -> None:
        unknown = [name for name in data if name not in self.fields]
        problems = {
            name[:80]: serializers.ErrorDetail("This field is not known.", code="unknown_field")
            for name in unknown[:MAX_UNKNOWN]
        }
        ours = {name: data[name] for name, field in self.fields.items() if field.read_only and name in data}
        for name in self._changed(ours):
            problems[name] = serializers.ErrorDetail("The server sets this field.", code="read_only_field")
        if problems:
            raise serializers.ValidationError(problems)

    def _changed(self, sent: dict[str, Any]) -> list[str]:
        """Those of the server's fields that are not what the client was answered; a whole row may be sent back."""
        if self.instance is None or not sent:
            return list(sent)
        known = parse_json(to_json(self.to_representation(self.instance)))
        return [name for name, value in sent.items() if type(value) is not type(known[name]) or value != known[name]]


class RecordSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A device-owned row. Subclasses name model and `fields` (without the six of every record)."""

    id = ExactId(source="uuid", required=False)
    device = serializers.SerializerMethodField()

    serializer_field_mapping: ClassVar[dict[Any, Any]] = WIRE_FIELDS

    def get_device(self, row: Any) -> UUID:
        device = self.context.get("device")
        found: UUID = device.uuid if device is not None and device.pk == row.device_id else row.device.uuid
        return found

    def get_field_names(self, declared_fields: Any, info: Any) -> list[str]:
        return ["id", "device", *super().get_field_names({}, info), *RECORD_FIELDS[2:]]

    def get_extra_kwargs(self) -> dict[str, Any]:
        kwargs = super().get_extra_kwargs()
        for name in RECORD_FIELDS[2:]:
            kwargs.setdefault(name, {})["read_only"] = True
        return kwargs

    def get_validators(self) -> list[Any]:
        return []  # uniqueness is the database's to judge, under the feed lock

    def validate_id(self, value: UUID) -> UUID:
        if self.instance is not None and value != self.instance.uuid:
            raise serializers.ValidationError("An id never changes.", code="read_only_field")
        return value

    def values(self) -> dict[str, Any]:
        """What was sent, for a service: `id` under its wire name."""
        found = dict(self.validated_data)
        if "uuid" in found:
            found["id"] = found.pop("uuid")
        return found

    def whole_values(self) -> dict[str, Any]:
        """As values(), with the default in every writable field that was not sent: what PUT means."""
        found = self.values()
        info = get_field_info(self.Meta.model)
        for name, field in self.fields.items():
            if field.read_only or name == "id" or name in found:
                continue
            model_field = info.fields.get(name)
            found[name] = None if model_field is None else model_field.get_default()
        found.pop("id", None)
        return found


def wanted_fields(serializer: Any, asked: str | None) -> set[str] | None:
    """The fields that `fields=a,b` asks for, or None for all. Raises UnknownFieldWanted."""
    if asked is None:
        return None
    names = {name.strip() for name in asked.split(",") if name.strip()}
    unknown = sorted(names - set(serializer.fields))
    if not names:
        raise UnknownFieldWanted("`fields` names no field.")
    if unknown:
        raise UnknownFieldWanted(f"`{unknown[0][:80]}` is not a field here. Known: {', '.join(serializer.fields)}.")
    return names
