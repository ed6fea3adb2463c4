"""Staff edits beside the apps: through the services where this process has the server's database, else through REST."""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from django.db import connections

from devices.actors import Actor
from devices.models import Device
from devices.services.enrollment import create_enrollment_code
from inventory.management.fleet.client import Connection
from inventory.management.fleet.specs import SPECS, Divergence, Row
from inventory.services.sync.tables import registry

BOSS = Actor(kind="staff", id="fleet", name="Fleet staff")


class Staff(Protocol):
    """Writes straight to the server, as an operation of `push` would be written."""

    def write(self, op: Row) -> None:
        """Carry out one create, update or delete."""


class ServiceStaff:
    """As the admin does it: the same services, no HTTP."""

    def __init__(self, device_id: str) -> None:
        self.device = Device.objects.get(uuid=device_id)

    def write(self, op: Row) -> None:
        """Carry out one create, update or delete."""
        table: Any = registry()[op["table"]]
        if op["op"] == "create":
            values = table.shape.read(op["data"], device=self.device, partial=False)
            table.create(device=self.device, actor=BOSS, installation=None, id=UUID(op["id"]), **values)
            return
        row = table.rows(self.device).get(uuid=op["id"])
        if op["op"] == "delete":
            table.delete(row, actor=BOSS)
        else:
            changes = table.shape.read(op["data"], device=self.device, partial=True)
            table.update(row, actor=BOSS, changes=changes)

    def enrollment_code(self, uses: int) -> str:
        """Lets more installations join the device."""
        return create_enrollment_code(actor=BOSS, device=self.device, label="fleet", max_uses=uses)[1]

    def leave(self) -> None:
        """Return the thread's database connection."""
        connections.close_all()


class RestStaff:
    """Through the REST resources, with the device's own token."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def write(self, op: Row) -> None:
        """Carry out one create, update or delete."""
        path = f"/v1/{SPECS[op['table']].route}"
        if op["op"] == "create":
            status, answer = self.connection.send("POST", path, {"id": op["id"], **op["data"]})
        elif op["op"] == "update":
            status, answer = self.connection.send("PATCH", f"{path}/{op['id']}", op["data"])
        else:
            status, answer = self.connection.send("DELETE", f"{path}/{op['id']}")
        if status not in (200, 201, 204):
            raise Divergence(f"a staff edit was answered {status} {answer}: {op}")
