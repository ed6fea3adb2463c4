"""Quarantine: what an installation that is being retired still had queued is kept for the staff to decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from devices.actors import Actor
from devices.models import Device, Installation, Operation
from devices.services.feed import take_revisions
from devices.services.replay import next_sequence, save_sequence, stored_operations
from inventory.errors import SyncQuarantined, SyncSequenceGap
from inventory.models import Case
from inventory.services.cases import open_case, settle_case
from inventory.services.positions import UNKNOWN, Position
from inventory.services.sync.ops import Op, Pushed, Result, read_op
from inventory.services.sync.push import push, replay
from inventory.services.sync.tables import registry

QUARANTINED = "quarantined"


@transaction.atomic
def quarantine(
    *,
    device: Device,
    actor: Actor,
    installation: Installation,
    ops: Sequence[Op],
    raw: Sequence[Any],
    position: Position = UNKNOWN,
) -> Pushed:
    """Keep operations (`raw` as they came) in one case instead of carrying them out.

    A replay adds nothing. Raises SyncSequenceGap.
    """
    take_revisions(device, 0)
    expected = next_sequence(installation, ops=[op.sequence for op in ops])
    if expected.gap:
        raise SyncSequenceGap(expected.start)
    stored = stored_operations(device, [op.op_id for op in ops])
    fresh = {op.op_id: (op, body) for op, body in zip(ops, raw, strict=True) if op.op_id not in stored}
    if fresh:
        open_case(
            device=device,
            actor=actor,
            kind=Case.Kind.QUARANTINE,
            key=f"{installation.uuid}:{next(iter(fresh))}",
            summary=f"{len(fresh)} operations of {installation} wait for a decision",
            evidence={
                "installation_id": installation.uuid,
                "base_revision": position.base_revision,
                "clock_offset_ms": position.clock_offset_ms,
                "ops": [body for _, body in fresh.values()],
            },
        )
        Operation.objects.bulk_create(_kept(device, installation, op) for op, _ in fresh.values())
    save_sequence(installation, expected.end)
    results = [_answer(op, stored.get(op.op_id), device) for op in ops]
    return Pushed(results, take_revisions(device, 0).start - 1, expected.end)


def _answer(op: Op, known: Operation | None, device: Device) -> Result:
    """What was carried out before the draining stays so: its answer may have been lost."""
    if known is None or known.status == QUARANTINED:
        return Result(op.op_id, "rejected", error=SyncQuarantined())
    return replay(op, known, device=device, tables=registry())


def _kept(device: Device, installation: Installation, op: Op) -> Operation:
    return Operation(
        device=device,
        installation=installation,
        op_id=op.op_id,
        sequence=op.sequence,
        fingerprint=op.fingerprint,
        op=op.op[:10],
        table=op.table[:63],
        object_id=op.id,
        status=QUARANTINED,
        internal_code=SyncQuarantined.internal_code,
    )


@transaction.atomic
def accept_quarantine(case: Case, *, actor: Actor) -> Sequence[Result]:
    """Carry out what a quarantine case holds, as the staff's own doing, and resolve it.

    What conflicts or is refused is said in the results and in the case's resolution. Raises CaseClosed.
    """
    take_revisions(case.device, 0)
    evidence, device = case.evidence, case.device
    pushed = push(
        device=device,
        actor=actor,
        tables=registry(),
        ops=[read_op(body) for body in evidence["ops"]],
        installation=device.installations.get(uuid=evidence["installation_id"]),
        position=Position(None, evidence.get("base_revision"), evidence.get("clock_offset_ms", 0)),
        trusted=True,
    )
    verdicts = Counter(result.status for result in pushed.results)
    told = ", ".join(f"{count} {status}" for status, count in sorted(verdicts.items()))
    settle_case(
        case, Case.State.RESOLVED, actor=actor, resolution=f"accepted: {told}"
    )  # raises where it is closed: nothing stays
    return pushed.results


def discard_quarantine(case: Case, *, actor: Actor) -> Case:
    """Drop what a quarantine case holds; its evidence stays. Raises CaseClosed."""
    return settle_case(case, Case.State.WAIVED, actor=actor, resolution="discarded")
