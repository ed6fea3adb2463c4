"""The last comparison: every replica with the server, the server with the model, row by row."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlencode

from inventory.management.fleet.client import Connection
from inventory.management.fleet.device import Member, VirtualDevice
from inventory.management.fleet.specs import SPECS, TABLES, Divergence, Row

Rows = dict[str, dict[str, Row]]


def compare(device: VirtualDevice) -> int:
    """How many server rows were compared. Raises Divergence at the first difference."""
    where = f"device {device.number} (seed {device.plan.seed})"
    server = _listed(device.desk, where)
    _same(where, "the REST lists", server, "a fresh pull", _pulled(device.desk, where))
    for member in device.members:
        _same(where, "the server", server, f"replica {member.handset.name}", member.handset.store.memory.synced)
        _same(where, "the server", server, f"what {member.handset.name} shows", member.handset.store.local)
        _nothing_lost(where, device, member)
    _as_modelled(where, device, server)
    return sum(len(rows) for rows in server.values())


def _listed(desk: Connection, where: str) -> Rows:
    found: Rows = {}
    for name, spec in SPECS.items():
        rows = list(desk.rows(spec.route))
        found[name] = {row["id"]: row for row in rows}
        if len(found[name]) != len(rows):
            raise Divergence(f"{where}: the list of {name} shows a row twice")
    return found


def _pulled(desk: Connection, where: str) -> Rows:
    found: Rows = {name: {} for name in SPECS}
    cursor, last, more = "", 0, True
    while more:
        query = urlencode({"limit": "500", "tables": TABLES, **({"cursor": cursor} if cursor else {})})
        status, page = desk.send("GET", f"/v1/sync/changes?{query}")
        if "changes" not in page:
            raise Divergence(f"{where}: a fresh pull was answered {status} {page}")
        for change in page["changes"]:
            if change["revision"] <= last or change["id"] in found[change["table"]]:
                raise Divergence(f"{where}: a fresh pull has {change} after {last}")
            last = change["revision"]
            if not change["deleted"]:
                found[change["table"]][change["id"]] = change["data"]
        cursor, more = page["cursor"], page["has_more"]
    return found


def _same(where: str, left_name: str, left: Rows, right_name: str, right: Rows) -> None:
    for table in SPECS:
        for id in left[table].keys() | right[table].keys():
            ours, theirs = left[table].get(id), right[table].get(id)
            if ours != theirs:
                raise Divergence(f"{where}: {table} {id} differs\n  {left_name}: {ours}\n  {right_name}: {theirs}")


def _nothing_lost(where: str, device: VirtualDevice, member: Member) -> None:
    """Every operation that was ever queued has reached the server."""
    made, taken = member.handset.store.memory.sequence, device.model.sequences.get(member.handset.name, 1)
    if made != taken:
        raise Divergence(f"{where}: {member.handset.name} made operations up to {made - 1}, the server has {taken - 1}")


def _as_modelled(where: str, device: VirtualDevice, server: Rows) -> None:
    for table, spec in SPECS.items():
        if spec.read_only:
            continue
        expected = device.model.live(table)
        for id in expected.keys() | server[table].keys():
            shown, want = server[table].get(id), expected.get(id)
            if shown is None or want is None or any(shown[name] != value for name, value in want.items()):
                raise Divergence(f"{where}: {table} {id} differs\n  the server: {shown}\n  the model: {want}")
    sums: dict[tuple[str, str, str | None], Decimal] = {}
    for row in server["stock_movements"].values():
        for place, sign in ((row["from_location_id"], -1), (row["to_location_id"], 1)):
            if place:
                bucket = (row["product_id"], place, row["lot_id"])
                sums[bucket] = sums.get(bucket, Decimal(0)) + sign * Decimal(row["quantity"])
    if sums != device.model.levels:
        raise Divergence(f"{where}: the movements sum to {sums}\n  the model to {device.model.levels}")
    levels = {
        (row["product_id"], row["location_id"], row["lot_id"]): Decimal(row["quantity"])
        for row in server["stock_levels"].values()
    }
    if levels != device.model.live_levels():
        raise Divergence(f"{where}: levels differ\n  the server: {levels}\n  the model: {device.model.live_levels()}")
