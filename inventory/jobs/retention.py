"""retention: removes what is past its time, a little at a time."""

from __future__ import annotations

from devices.models import Device
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_runs import JobRun
from inventory.services.retention import EXPIRED, purge_files, purge_orphans, purge_some, purge_synced


def build(run: JobRun) -> None:
    """Remove in short transactions until nothing is left; result: how many rows of each sort."""
    for name in EXPIRED:
        removed = 1
        while removed:
            with run.effect():
                removed = purge_some(name)
                run.result[name] = run.result.get(name, 0) + removed
                run.progress(run.done + removed, message=name.replace("_", " "))
    _files(run)
    _synced(run)


def _files(run: JobRun) -> None:
    """Rows first, then their files; files that no row knows last: whatever fails, the next night goes on."""
    removed = 1
    while removed:
        with run.effect():
            removed = purge_files()
            run.result["files"] = run.result.get("files", 0) + removed
            run.progress(run.done + removed, message="files")
    run.result["orphans"] = run.result.get("orphans", 0) + purge_orphans()


def _synced(run: JobRun) -> None:
    """Tombstones and verdicts of every device, a short transaction under its feed lock at a time."""
    for device in Device.all_objects.order_by("pk"):  # no open cursor: from its snapshot SQLite lets nobody write
        removed = 1
        while removed:
            with run.effect():
                removed = purge_synced(device)
                run.result["synced"] = run.result.get("synced", 0) + removed
                run.progress(run.done + removed, message=f"tombstones of {device}")


register_kind(JobKind(name="retention", title="Retention", build=build, scope="server"))
