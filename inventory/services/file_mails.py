"""The file of a job by e-mail: attached where it is small, else where to get it."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from config.core.quantities import counted
from inventory.errors import FileGone
from inventory.models import Artifact, Job
from inventory.services.artifacts import open_artifact
from inventory.services.job_runs import JobRun
from inventory.services.mailing import mail_trouble, subject_of
from inventory.services.recurring.handover import page_of_file

BYTES = "application/octet-stream"


def mail_file(run: JobRun) -> None:
    """Send the file of the job that `parameters` name, to all at once; result: {attached}.

    At least once: a worker that dies between the mail server's answer and its note sends again, with the same
    Message-ID, which is the job's. Raises MailFailed, FileGone.
    """
    job = Job.objects.select_related("device").filter(uuid=run.parameters["job"]).first()
    artifact = Artifact.objects.filter(job=job, expires_at__gt=timezone.now()).order_by("-id").first() if job else None
    if job is None or artifact is None:
        raise FileGone
    is_small = artifact.size <= settings.MAIL_ATTACHMENT_BYTES
    message = EmailMessage(
        subject_of(f"{job.deliver.get('schedule', '')}: {artifact.name}"),
        "\n".join(_lines(job, artifact, is_small=is_small)),
        None,
        run.parameters["to"],
        headers={"Message-ID": message_id(job), "Auto-Submitted": "auto-generated"},
    )
    if is_small:
        with open_artifact(artifact) as file:
            media_type = artifact.media_type.partition(";")[0]
            # Text would get the line ends of mails: a file arrives as it is.
            message.attach(artifact.name, file.read(), BYTES if media_type.startswith("text/") else media_type)
    with mail_trouble():
        message.send()
    run.result = {"attached": is_small}


def message_id(job: Job) -> str:
    """The same at every attempt, so that a mailbox that knows it shows it once."""
    return f"<{job.uuid}@{urlsplit(settings.PUBLIC_URL).hostname or 'countonme'}>"


def _lines(job: Job, artifact: Artifact, *, is_small: bool) -> list[str]:
    rows = (job.result or {}).get("rows", 0)
    number = sum(rows.values()) if isinstance(rows, dict) else rows
    size = filesizeformat(artifact.size).replace("\xa0", " ")
    return [
        artifact.name,
        f"{job.device or 'All devices'}, {counted(number, 'row')}, {size}, made {job.finished_at:%Y-%m-%d %H:%M} UTC",
        "",
        "It is attached, and here for those who can sign in" if is_small else "It is too large to attach. Sign in",
        f"until {artifact.expires_at:%Y-%m-%d}: {page_of_file(artifact)}",
    ]
