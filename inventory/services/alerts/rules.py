"""Rules: what to look out for, on one device or on every device."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from config.core.errors import FieldProblem
from devices.actors import Actor
from devices.models import Device
from devices.services.owned import find_reference, lock_device, writable
from devices.services.wide import change_wide, delete_wide, insert_wide, lock_wide, restore_wide
from inventory.errors.alerts import AlertRuleInvalid
from inventory.models import AlertLook, AlertRule, Category, Location, Product

Kind = AlertRule.Kind
REFERENCES = {"product_id": Product, "category_id": Category, "location_id": Location}
FIELDS = frozenset({"kind", "name", "threshold", "margin", "days", "hours", "patience", "enabled", *REFERENCES})
GOODS = frozenset({"product", "category", "location"})
# What each kind needs, and what else it understands. What it does not understand must be left empty.
NEEDS: Mapping[str, frozenset[str]] = {
    Kind.BELOW_MINIMUM: frozenset(),
    Kind.EXPIRING: frozenset({"days"}),
    Kind.NOT_COUNTED: frozenset({"days"}),
    Kind.DEVICE_SILENT: frozenset({"hours"}),
    Kind.QUEUE_STUCK: frozenset({"threshold"}),
    Kind.LEDGER_DRIFT: frozenset(),
    Kind.CASE_OPEN: frozenset({"days"}),
}
MAY_HAVE: Mapping[str, frozenset[str]] = {
    Kind.BELOW_MINIMUM: frozenset({"threshold", "margin"}) | GOODS,
    Kind.EXPIRING: GOODS,
    Kind.NOT_COUNTED: GOODS,
}


@transaction.atomic
def create_rule(
    *,
    actor: Actor,
    device: Device | None,
    kind: str,
    name: str = "",
    threshold: Decimal | None = None,
    margin: Decimal | None = None,
    days: int | None = None,
    hours: int | None = None,
    patience: int = 1,
    enabled: bool = True,
    id: UUID | None = None,
    **references: UUID | None,
) -> AlertRule:
    """A rule of a device, or (None) of every device. Raises AlertRuleInvalid, ReferenceNotFound, IdAlreadyUsed."""
    if device is not None:
        lock_device(device)
    rule = AlertRule(
        device=device,
        uuid=id or uuid7(),
        kind=kind,
        name=name,
        threshold=threshold,
        margin=margin or Decimal(0),
        days=days,
        hours=hours,
        patience=patience,
        enabled=enabled,
        **_references(device, writable(references, frozenset(REFERENCES))),
    )
    _check(rule)
    insert_wide(rule, actor=actor)
    look_again(rule)
    return rule


@transaction.atomic
def update_rule(
    rule: AlertRule, *, actor: Actor, changes: Mapping[str, Any], expected_revision: int | None = None
) -> AlertRule:
    """Its kind and device stay. Raises NotFound, RevisionMismatch, AlertRuleInvalid, ReferenceNotFound."""
    current, revision = lock_wide(rule, expected_revision=expected_revision)
    values = writable(changes, FIELDS)
    if values.pop("kind", current.kind) != current.kind:
        raise _invalid("kind", "The kind of a rule stays as it is.")
    references = {name: values.pop(name) for name in tuple(values) if name in REFERENCES}
    values |= _references(current.device, references)
    wanted = AlertRule(**{name: values.get(name, getattr(current, name)) for name in RULED})
    _check(wanted)
    changed: AlertRule = change_wide(current, revision=revision, actor=actor, changes=values)
    look_again(changed)
    return changed


@transaction.atomic
def delete_rule(rule: AlertRule, *, actor: Actor, expected_revision: int | None = None) -> AlertRule:
    """What it raised is cleared by the next look. Raises NotFound, RevisionMismatch."""
    current, revision = lock_wide(rule, expected_revision=expected_revision)
    deleted: AlertRule = delete_wide(current, revision=revision, actor=actor)
    look_again(deleted)
    return deleted


@transaction.atomic
def restore_rule(rule: AlertRule, *, actor: Actor, expected_revision: int | None = None) -> AlertRule:
    """Raises NotDeleted, RevisionMismatch."""
    current, revision = lock_wide(rule, expected_revision=expected_revision, deleted=True)
    restored: AlertRule = restore_wide(current, revision=revision, actor=actor)
    look_again(restored)
    return restored


def look_again(rule: AlertRule) -> None:
    """A rule of a device moves its feed, which asks for a look by itself; one of all asks for a look at all."""
    if rule.device is None:
        AlertLook.objects.update(head=0)


RULED = ("device", "kind", "product", "category", "location", "threshold", "margin", "days", "hours", "patience")


def _references(device: Device | None, wanted: Mapping[str, UUID | None]) -> dict[str, Any]:
    """Rows of the device; a rule of every device can name none."""
    if device is None:
        for name in (name for name, id in wanted.items() if id is not None):
            raise _invalid(name, "A rule of every device cannot name a row of one.")
        return {name.removesuffix("_id"): None for name in wanted}
    return {
        name.removesuffix("_id"): find_reference(REFERENCES[name], device=device, id=id, field=name)
        for name, id in wanted.items()
    }


def _check(rule: AlertRule) -> None:
    needs = NEEDS[rule.kind]
    for name in sorted(needs):
        if getattr(rule, name) is None:
            raise _invalid(name, f"A rule of this kind needs `{name}`.")
    for name in ("threshold", "days", "hours", *sorted(GOODS)):
        if name not in needs | MAY_HAVE.get(rule.kind, frozenset()) and getattr(rule, name) is not None:
            raise _invalid(name, f"A rule of this kind does not understand `{name}`.")
    if rule.margin and rule.kind != Kind.BELOW_MINIMUM:
        raise _invalid("margin", "Only a minimum has a margin.")
    if rule.location is not None and rule.threshold is None and rule.kind == Kind.BELOW_MINIMUM:
        raise _invalid("threshold", "Say how much there must be at this location: the product's own level is of all.")


def _invalid(field: str, detail: str) -> AlertRuleInvalid:
    return AlertRuleInvalid(detail, errors=[FieldProblem(field, "invalid", detail)])
