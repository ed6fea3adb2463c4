"""Every report there is, by name: adding one is one line here."""

from __future__ import annotations

from inventory.reports import (
    device_activity,
    expiring_lots,
    ledger_proof,
    low_stock,
    movements,
    stock_on_hand,
    valuation,
)
from inventory.reports.kinds import ReportKind

REPORTS: dict[str, ReportKind] = {
    module.KIND.name: module.KIND
    for module in (stock_on_hand, movements, low_stock, expiring_lots, valuation, device_activity, ledger_proof)
}
