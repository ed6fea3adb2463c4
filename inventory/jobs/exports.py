"""export: what a device holds, as a ZIP with a file for each table."""

from __future__ import annotations

import tempfile

from inventory.formats.table_files import FORMATS
from inventory.reports.periods import PERIODS
from inventory.services.artifacts import save_artifact
from inventory.services.exports.files import check_export, read_filters, write_export
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter, choice, flag, several, text
from inventory.services.job_runs import JobRun


def build(run: JobRun) -> None:
    """Write the file; result: rows by table."""
    given = run.parameters
    done = dict.fromkeys(given["tables"], 0)

    def advance(table: str, rows: int) -> None:
        done[table] = rows
        run.progress(sum(done.values()), message=table.replace("_", " "))

    with tempfile.TemporaryFile() as file:
        run.result = {
            "rows": write_export(
                file,
                device=run.device,
                names=given["tables"],
                format=given["format"],
                filters=given.get("filters", {}),
                deleted=given["deleted"],
                advance=advance,
            )
        }
        save_artifact(run, name="export.zip", media_type="application/zip", file=file, last=True)


register_kind(
    JobKind(
        name="export",
        title="Export",
        build=build,
        scope="any",
        parameters={
            "tables": several(text(), required=False, about="Which tables; all without it"),
            "format": choice(*FORMATS, default="csv", about="File format of each table"),
            "filters": Parameter(read_filters, required=False, about="By table, as the lists of the API have them"),
            "period": choice(*PERIODS, required=False, about="Of what happened (movements, counts, scans), only this"),
            "deleted": flag(default=False, about="Tombstones too"),
        },
        check=check_export,
    )
)
