"""file_mail: the file of a report or an export, to those whom its schedule names."""

from __future__ import annotations

from inventory.services.file_mails import mail_file
from inventory.services.job_kinds import JobKind, register_kind
from inventory.services.job_parameters import Parameter, ident
from inventory.services.job_runs import Retry
from inventory.services.recurring.handover import MAIL
from inventory.services.recurring.wishes import read_addresses

register_kind(
    JobKind(
        name=MAIL,
        title="File by e-mail",
        build=mail_file,
        scope="server",
        parameters={
            "job": ident(about="Whose file"),
            "to": Parameter(read_addresses, about="Addresses"),
        },
        retry=Retry(attempts=6, seconds=60, factor=4),  # a mail server may be away for hours: 1, 4, 16, 64, 256 min
    )
)
