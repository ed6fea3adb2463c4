"""What alerts may be refused.

AppError
├── Unavailable 503 mail_failed
├── Conflict 409    alert_cleared
└── Invalid 422     alert_rule_invalid, snooze_invalid
"""

from __future__ import annotations

from config.core import errors


class AlertRuleInvalid(errors.Invalid):
    internal_code = "alert_rule_invalid"
    title = "A rule of this kind cannot be like this"
    advice = "Correct the field listed in `errors`; docs/alerts.md says what each kind needs."


class SnoozeInvalid(errors.Invalid):
    internal_code = "snooze_invalid"
    title = "An alert cannot rest like this"
    advice = "Snooze until a time that is still to come; only a snoozed alert has one."


class AlertCleared(errors.Conflict):
    internal_code = "alert_cleared"
    title = "This alert is cleared already"
    advice = "Nothing is left to do; should it come back, it is another alert."


class MailFailed(errors.Unavailable):
    internal_code = "mail_failed"
    title = "The mail server did not take a message"
    advice = "It is tried again; operators check EMAIL_URL."
