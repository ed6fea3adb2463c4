"""report: a table of what is stored, as a file."""

from __future__ import annotations

from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.reports import check_report, parameters, write_report

register_kind(
    JobKind(
        name="report",
        title="Report",
        build=write_report,
        scope="any",
        parameters=parameters(),
        check=check_report,
    )
)
