"""sync_external_data: the shared catalogue is brought to what a URL or an upload says now."""

from __future__ import annotations

from typing import Any

from config.core.errors import FieldProblem
from devices.models import Device
from inventory.errors import JobParameters
from inventory.services.catalog.refreshing import refresh_catalog
from inventory.services.job_kinds import JobKind, Values, register_kind
from inventory.services.job_parameters import ident, text
from inventory.services.job_runs import Retry
from inventory.services.outbound import LONGEST_URL, check_url
from inventory.services.uploads import find_upload


def check(device: Device | None, values: Values) -> Values:
    """One of `url` and `upload`. Raises JobParameters, OutboundRefused, ReferenceNotFound."""
    if ("url" in values) == ("upload" in values):
        raise _refusal("url", "Give either a URL or an upload.")
    if "url" in values:
        check_url(values["url"])
    else:
        find_upload(values["upload"], device=None)
    return values


def _refusal(field: str, detail: str) -> JobParameters:
    return JobParameters(f"`{field}`: {detail}", errors=[FieldProblem(field, "invalid", detail)])


parameters: Any = {
    "url": text(most=LONGEST_URL, required=False, about="where the file is: CSV or JSON Lines, gzipped or not"),
    "upload": ident(required=False, about="or a file that was sent"),
    "source": text(most=60, default="open food facts", about="a name for where the products come from"),
}
register_kind(
    JobKind(
        name="sync_external_data",
        title="Refresh the catalogue",
        build=refresh_catalog,
        scope="server",
        parameters=parameters,
        check=check,
        retry=Retry(attempts=4, seconds=60, factor=1),
    )
)
