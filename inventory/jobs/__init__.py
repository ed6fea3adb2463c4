"""Background work: every kind of job, the runner, the sweep and the schedule."""

from inventory.jobs import ledger_proof, nightly, reports, retention, runner, webhooks

__all__ = ["ledger_proof", "nightly", "reports", "retention", "runner", "webhooks"]
