"""Count entries: facts on a sheet; recording one starts what it belongs to, and late ones become a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from config.core.quantities import plain
from devices.actors import Actor
from devices.errors import IdAlreadyUsed
from devices.models import Device, Installation
from devices.services.owned import find_reference, insert_many_owned, lock_device, refuse_reference, restamp
from inventory.errors.counting import CountOfNothing
from inventory.models import Case, CountEntry, CountSheet, Location, Lot, Product, Stocktake
from inventory.models.sheets import WORKED_ON, CountFact, Sheet
from inventory.models.stocktakes import COUNTABLE, State
from inventory.services.cases import Trouble, open_cases
from inventory.services.counting.preparation import touch_lines
from inventory.services.counting.states import move_stocktake, next_sheet_state
from inventory.services.levels import Bucket
from inventory.services.locations import default_location
from inventory.services.positions import UNKNOWN, Position

Mode = CountEntry.Mode


@transaction.atomic
def record_entry(
    *,
    device: Device,
    actor: Actor,
    sheet_id: UUID | None = None,
    product_id: UUID | None = None,
    location_id: UUID | None = None,
    lot_id: UUID | None = None,
    mode: str = Mode.SET,
    quantity: Decimal = Decimal(0),
    counted_at: datetime | None = None,
    base_revision: int | None = None,
    note: str = "",
    installation: Installation | None = None,
    position: Position | None = None,
    id: UUID | None = None,
) -> CountEntry:
    """Record one count: `quantity` >= 0 units of a bucket on a sheet. What is counted late is kept with a case.

    Without `position`, `counted_at` and `base_revision` it is counted online: now, with all that the server knows
    before it.
    Raises CountOfNothing, ReferenceNotFound, IdAlreadyUsed.
    """
    lock_device(device)
    if id is not None and CountEntry.all_objects.by_uuid(device, id) is not None:
        raise IdAlreadyUsed(f"The id {id} is used already.")
    entry = build_entry(
        device=device,
        find=partial(find_reference, device=device, tombstones=True),
        default=partial(default_location, device),
        sheet_id=sheet_id,
        product_id=product_id,
        location_id=location_id,
        lot_id=lot_id,
        mode=mode,
        quantity=quantity,
        counted_at=counted_at,
        base_revision=base_revision,
        note=note,
        installation=installation,
        position=position,
        id=id,
    )
    return record_entries(device=device, actor=actor, entries=[entry])[0]


def build_entry(
    *,
    device: Device,
    find: Callable[..., Any],
    default: Callable[[], Location],
    sheet_id: UUID | None = None,
    product_id: UUID | None = None,
    location_id: UUID | None = None,
    lot_id: UUID | None = None,
    mode: str = Mode.SET,
    quantity: Decimal = Decimal(0),
    installation: Installation | None = None,
    position: Position | None = None,
    counted_at: datetime | None = None,
    base_revision: int | None = None,
    id: UUID | None = None,
    note: str = "",
) -> CountEntry:
    """An unsaved entry for record_entries(). `find(model, id=, field=)` looks references up in the device.

    Raises CountOfNothing, and what `find` raises.
    """
    product = find(Product, id=product_id, field="product_id")
    if (product is None) != (mode == Mode.EMPTY) or (product is None and (quantity or lot_id)):
        raise CountOfNothing
    sheet = find(CountSheet, id=sheet_id, field="sheet_id") or refuse_reference("sheet_id")
    return CountEntry(
        device=device,
        uuid=id or uuid7(),
        sheet=sheet,
        product=product,
        location=find(Location, id=location_id, field="location_id") or sheet.location or default(),
        lot=find(Lot, id=lot_id, field="lot_id"),
        mode=mode,
        quantity=quantity,
        installation=installation,
        note=note,
        **placing(position=position, counted_at=counted_at, base_revision=base_revision),
    )


def placing(*, position: Position | None, counted_at: datetime | None, base_revision: int | None) -> dict[str, Any]:
    """Where a count stands in everybody's order, as columns. Online, nothing is told of it: it was now."""
    now = timezone.now()
    if position is None and counted_at is None and base_revision is None:
        return {"received_at": now, "counted_at": now}
    position = position or UNKNOWN
    return {
        "received_at": now,
        "counted_at": counted_at,
        "base_revision": base_revision,
        "pushed_base": position.base_revision,
        "sequence": position.sequence,
        "clock_offset_ms": position.clock_offset_ms if counted_at else 0,
    }


@transaction.atomic
def record_entries(
    *, device: Device, actor: Actor, entries: list[CountEntry], actors: Sequence[Actor] | None = None
) -> list[CountEntry]:
    """Insert checked, unsaved entries of one device, with all that follows from them, in constant queries.

    `actors`: one per entry, where their events name different operations.
    """
    stocktakes = stocktakes_of(entries)
    for entry, by in zip(entries, actors or [actor] * len(entries), strict=True):
        note_counter(entry, by, stocktakes)
    insert_many_owned(entries, device=device, actor=actor, actors=actors)
    for stocktake in stocktakes.values():
        mine = [entry for entry in entries if entry.sheet.stocktake_id == stocktake.pk and not entry.is_late]
        if mine:
            begin_counting(stocktake, {entry.sheet for entry in mine}, mine[0].installation, actor=actor)
            emptied = [entry.location for entry in mine if entry.product is None and entry.location is not None]
            touch_lines(stocktake, list(dict.fromkeys(buckets_of(mine))), actor=actor, emptied=emptied)
    report_late(entries, stocktakes, device=device, actor=actor)
    return entries


def record_queued_entries(
    *, device: Device, installation: Installation | None, find: Callable[..., Any], entries: Sequence[Any]
) -> list[CountEntry]:
    """Record a batch of entries that came in a push (each with actor, id, values, position), in constant queries."""
    build = partial(
        build_entry,
        device=device,
        find=find,
        default=cache(lambda: default_location(device)),
        installation=installation,
    )
    rows = [build(id=entry.id, position=entry.position, **entry.values) for entry in entries]
    actors = [entry.actor for entry in entries]
    return record_entries(device=device, actor=actors[0], entries=rows, actors=actors)


def begin_counting(
    stocktake: Stocktake, sheets: Iterable[CountSheet], holder: Installation | None, *, actor: Actor
) -> None:
    """The first count: its sheet is in progress, its stocktake is being counted. Under the feed lock."""
    for state in (Sheet.OFFERED, Sheet.DOWNLOADED):
        fresh = [sheet for sheet in sheets if sheet.state == state]
        values: dict[str, Any] = {"state": next_sheet_state(state, "start")}
        rows = CountSheet.objects.filter(pk__in=[sheet.pk for sheet in fresh])
        free: dict[str, Any] = {} if holder is None else {"held_by": holder.uuid}
        if fresh:
            on: dict[str, Any] = {"device": stocktake.device, "actor": actor, "action": "started"}
            restamp(rows.filter(held_by=None), **on, **values, **free)
            restamp(rows.filter(state=state), **on, **values)
        for sheet in fresh:
            sheet.state = values["state"]
    if stocktake.state == State.OPEN:
        move_stocktake(stocktake, "count", actor=actor, action="counting")


def stocktakes_of(facts: Iterable[CountFact]) -> dict[int, Stocktake]:
    """The stocktakes that facts belong to, by key, read afresh under the feed lock."""
    keys = {fact.sheet.stocktake_id for fact in facts}
    found: dict[int, Stocktake] = Stocktake.all_objects.select_related("device", "location", "category").in_bulk(keys)
    return found


def note_counter(fact: CountFact, actor: Actor, stocktakes: Mapping[int, Stocktake]) -> None:
    """Who counted, and whether it came too late to count by itself."""
    fact.counter, fact.counter_name = actor.key[:120], actor.name[:200]
    stocktake = stocktakes[fact.sheet.stocktake_id]
    on_time = fact.sheet.state in WORKED_ON and stocktake.state in COUNTABLE and not fact.sheet.is_deleted
    fact.is_late = not (on_time and fact.sheet.pass_number == stocktake.pass_number)


def buckets_of(entries: Iterable[CountEntry]) -> Iterable[Bucket]:
    """The bucket of each entry that names a product."""
    for entry in entries:
        if entry.product is not None and entry.location is not None:
            yield Bucket(entry.product, entry.location, entry.lot)


def report_late(
    facts: Sequence[CountFact], stocktakes: Mapping[int, Stocktake], *, device: Device, actor: Actor
) -> None:
    """One case a sheet for what came after it was sealed or abandoned, or after counting had ended."""
    late: dict[CountSheet, list[CountFact]] = {}
    for fact in facts:
        if fact.is_late:
            late.setdefault(fact.sheet, []).append(fact)
    open_cases(
        device=device,
        actor=actor,
        troubles=[_late(sheet, found, stocktakes[sheet.stocktake_id]) for sheet, found in late.items()],
    )


def _late(sheet: CountSheet, facts: Sequence[Any], stocktake: Stocktake) -> Trouble:
    first = facts[0]
    counted = isinstance(first, CountEntry) and first.product is not None
    told = f"{plain(first.quantity)} {first.product.unit} of {first.product}" if counted else str(first)
    more = f" and {len(facts) - 1} more" if len(facts) > 1 else ""
    return Trouble(
        kind=Case.Kind.LATE_COUNT,
        key=f"sheet:{sheet.uuid}:{first.uuid}",
        summary=f"{stocktake} ({stocktake.get_state_display()}), {sheet}: {told}{more} came after counting had ended",
        evidence={
            "stocktake_id": stocktake.uuid,
            "sheet_id": sheet.uuid,
            "table": first._meta.db_table,
            "ids": [fact.uuid for fact in facts],
        },
    )
