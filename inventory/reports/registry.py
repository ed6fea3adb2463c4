"""Every report there is, by name: adding one is one line here."""

from __future__ import annotations

from inventory.reports import (
    count_accuracy,
    device_activity,
    expiring_lots,
    ledger_proof,
    low_stock,
    movements,
    stock_on_hand,
    stocktake_variance,
    valuation,
)
from inventory.reports.kinds import ReportKind

_ALL = (
    *(stock_on_hand, movements, low_stock, expiring_lots, valuation, stocktake_variance, count_accuracy),
    *(device_activity, ledger_proof),
)
REPORTS: dict[str, ReportKind] = {module.KIND.name: module.KIND for module in _ALL}
