"""Background work: every kind of job, the runner, the sweep and the schedule."""

from inventory.jobs import (
    alerts,
    exports,
    imports,
    labels,
    ledger_proof,
    nightly,
    recurring,
    reports,
    retention,
    runner,
    scheduled,
    stocktakes,
    sync_external_data,
    webhooks,
)

__all__ = [
    "alerts",
    "exports",
    "imports",
    "labels",
    "ledger_proof",
    "nightly",
    "recurring",
    "reports",
    "retention",
    "runner",
    "scheduled",
    "stocktakes",
    "sync_external_data",
    "webhooks",
]
