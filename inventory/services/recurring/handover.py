"""The end of a job whose file somebody waits for: told in the transaction that keeps the file, so once per job."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from config.core.wire import wire_time
from inventory.models import Artifact
from inventory.services.job_runs import JobRun
from inventory.services.jobs import request_job
from inventory.services.webhooks.announcing import announce

MAIL = "file_mail"


def hand_over(run: JobRun, artifact: Artifact) -> None:
    """Ask for the e-mail and the webhook deliveries that the job's schedule wishes for; inside the last effect."""
    people = run.deliver.get("mail", [])
    if people:
        request_job(kind=MAIL, actor=run.actor, parameters={"job": str(run.uuid), "to": people}, once=str(run.uuid))
        run.log(f"To be mailed to {len(people)}")
    if run.deliver.get("webhook"):
        number = announce(table=f"{run.kind}s", device=run.device, about=run.uuid, body=_body(run, artifact))
        run.log(f"Announced to {number} webhooks")


def page_of_file(artifact: Artifact) -> str:
    """Where staff who are signed in get it."""
    return settings.PUBLIC_URL + reverse("admin:inventory_job_file", args=(artifact.job_id, artifact.uuid))


def _body(run: JobRun, artifact: Artifact) -> dict[str, Any]:
    address = f"{settings.PUBLIC_URL}/v1/jobs/{run.uuid}/artifact" if run.device else page_of_file(artifact)
    return {
        "job_id": str(run.uuid),
        "kind": run.kind,
        "schedule": run.deliver.get("schedule", ""),
        "device_id": str(run.device.uuid) if run.device else None,
        **({"report": run.parameters["report"]} if run.kind == "report" else {}),
        "format": run.parameters["format"],
        "parameters": run.parameters,
        "result": run.result,
        "artifact": {
            "id": str(artifact.uuid),
            "name": artifact.name,
            "media_type": artifact.media_type,
            "size": artifact.size,
            "sha256": artifact.sha256,
            "expires_at": wire_time(artifact.expires_at),
            "url": address,
        },
    }
