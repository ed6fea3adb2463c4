"""labels: a sheet of labels as a file, or the commands of a label printer."""

from __future__ import annotations

from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.labels import check_labels, parameters, write_labels

register_kind(
    JobKind(
        name="labels",
        title="Labels",
        build=write_labels,
        scope="any",
        parameters=parameters(),
        check=check_labels,
    )
)
