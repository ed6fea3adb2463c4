"""E-mail: what a mail server refuses is trouble that may pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from smtplib import SMTPException, SMTPRecipientsRefused

from inventory.errors.alerts import MailFailed

LONGEST_SUBJECT = 200
NO_MAILBOX = (550, 551, 553)  # replies about one address; others say that the server is busy or set up wrongly


@contextmanager
def mail_trouble() -> Iterator[None]:
    """What goes wrong inside is MailFailed."""
    try:
        yield
    except (SMTPException, OSError) as error:
        raise MailFailed(f"The mail server did not take a message: {type(error).__name__}.") from None


def is_no_mailbox(error: SMTPRecipientsRefused) -> bool:
    """Whether the mail server will never take mail for these addresses: trying again changes nothing."""
    return all(code in NO_MAILBOX for code, _ in error.recipients.values())


def subject_of(text: str) -> str:
    """One line: a name may hold a line end, a header may not."""
    return " ".join(text.split())[:LONGEST_SUBJECT]
