"""What cases may be refused.

AppError
├── Forbidden 403   people_only
└── Conflict 409    case_closed · no_action_of_case
"""

from __future__ import annotations

from config.core import errors


class CaseClosed(errors.Conflict):
    internal_code = "case_closed"
    title = "This case is closed already"
    advice = "Read it again: somebody was faster."


class NoActionOfCase(errors.Conflict):
    internal_code = "no_action_of_case"
    title = "A case of this kind has no such action"
    advice = "absorb and keep are for late_movement; a quarantine is accepted or discarded by the staff, in the admin."

    def __init__(self, kind: str, action: str) -> None:
        super().__init__(f"A case of the kind {kind} cannot be settled so: {action}.")


class PeopleOnly(errors.Forbidden):
    internal_code = "people_only"
    title = "This is for people to decide, not for a device"
    advice = "Sign in as the owner of the device (POST /v1/auth/token) and send X-Device-ID."
