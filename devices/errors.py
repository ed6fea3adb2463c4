"""What devices may be refused.

AppError
├── Unauthenticated 401   token_invalid · sign_in_failed
├── Forbidden 403         device_suspended · device_draining · device_revoked · enrollment_code_required ·
│                         beyond_own_rights
├── NotFound 404          device_not_found
├── BadRequest 400        device_header_missing
├── Conflict 409          device_already_registered · secret_already_used · installation_already_registered ·
│                         id_already_used · not_deleted · transition_not_allowed · idempotency_key_in_use ·
│                         email_taken · username_taken · name_taken · user_in_use · timing_in_use · last_administrator
├── PreconditionFailed 412 revision_mismatch
└── Invalid 422           enrollment_code_invalid · secret_too_weak · idempotency_key_reused ·
                          idempotency_key_malformed · password_too_weak · job_name_unknown
"""

from __future__ import annotations

from typing import Any

from config.core import errors


class TokenInvalid(errors.Unauthenticated):
    internal_code = "token_invalid"
    title = "This token is not valid"
    advice = "Register again (with an enrollment code for the device to keep its inventory), or sign in again."


class SignInFailed(errors.Unauthenticated):
    internal_code = "sign_in_failed"
    title = "Wrong username or password"
    advice = "Check both; after too many tries wait as `Retry-After` says."


class DeviceSuspended(errors.Forbidden):
    internal_code = "device_suspended"
    title = "This device is suspended"
    advice = "Keep the queue and ask the staff; the same token works again when the device is resumed."


class DeviceDraining(errors.Forbidden):
    internal_code = "device_draining"
    title = "This device is being retired and may only push its queue"
    advice = "Push what is queued; it is kept for the staff to decide. Nothing else is answered any more."


class DeviceRevoked(errors.Forbidden):
    internal_code = "device_revoked"
    title = "This device is revoked"
    advice = "Stop syncing; enrol again to go on."


class EnrollmentCodeRequired(errors.Forbidden):
    internal_code = "enrollment_code_required"
    title = "This server enrols devices by code only"
    advice = "Ask the staff for an enrollment code and send it as `enrollment_code`."


class BeyondOwnRights(errors.Forbidden):
    internal_code = "beyond_own_rights"
    title = "That would give or take more than your own rights"
    advice = "Ask a superuser."


class DeviceNotFound(errors.NotFound):
    internal_code = "device_not_found"
    title = "No such device"
    advice = "Use the id of a device of your own (GET /v1/devices)."


class DeviceHeaderMissing(errors.BadRequest):
    internal_code = "device_header_missing"
    title = "Which device?"
    advice = "Send `X-Device-ID: <id of one of your devices>`."


class DeviceAlreadyRegistered(errors.Conflict):
    internal_code = "device_already_registered"
    title = "This device id is registered already"
    advice = (
        "Repeat the first request with its own secret, join with an enrollment code made for this device, "
        "or register under a new id."
    )


class InstallationAlreadyRegistered(errors.Conflict):
    internal_code = "installation_already_registered"
    title = "This installation id is registered already on this device"
    advice = "Repeat with the secret of the first registration, or choose a new installation_id."


class SecretAlreadyUsed(errors.Conflict):
    internal_code = "secret_already_used"
    title = "This secret belongs to another registration"
    advice = "Make a fresh random secret of 32 bytes for every installation."


class IdAlreadyUsed(errors.Conflict):
    internal_code = "id_already_used"
    title = "This id is used already on this device"
    advice = "It may be your own earlier request: read the row; otherwise choose a new id."


class NotDeleted(errors.Conflict):
    internal_code = "not_deleted"
    title = "There is nothing to restore"
    advice = "The row is not deleted."


class EmailTaken(errors.Conflict):
    internal_code = "email_taken"
    title = "Another account has this e-mail address"
    advice = "Use another address, or sign in to the other account."


class UsernameTaken(errors.Conflict):
    internal_code = "username_taken"
    title = "Somebody has this username"
    advice = "Choose another one; a deactivated person keeps theirs."


class NameTaken(errors.Conflict):
    internal_code = "name_taken"
    title = "Another one has this name"
    advice = "Choose another name, or change the one that has it."


class UserInUse(errors.Conflict):
    internal_code = "user_in_use"
    title = "Devices or enrollment codes belong to this person"
    advice = "Give them to somebody else first, or deactivate the person instead."


class TimingInUse(errors.Conflict):
    internal_code = "timing_in_use"
    title = "Schedules use this timing"
    advice = "Give them another timing first."


class LastAdministrator(errors.Conflict):
    internal_code = "last_administrator"
    title = "This is the last active superuser"
    advice = "Make somebody else a superuser first; without one nobody could."


class TransitionNotAllowed(errors.Conflict):
    internal_code = "transition_not_allowed"
    title = "This change of state is not possible"
    advice = "Read the current state and choose an allowed next one."


class RevisionMismatch(errors.PreconditionFailed):
    """`row` is the current row; the door shows it to the client as `current`."""

    internal_code = "revision_mismatch"
    title = "The row has changed since you read it"
    advice = "Take `current` from this answer, merge, and send again with its revision."

    def __init__(self, row: Any) -> None:
        super().__init__(f"The current revision is {row.revision}.")
        self.row = row


class EnrollmentCodeInvalid(errors.Invalid):
    internal_code = "enrollment_code_invalid"
    title = "This enrollment code is wrong, used up, expired or for another device"
    advice = "Ask the staff for a new code."


class SecretTooWeak(errors.Invalid):
    internal_code = "secret_too_weak"
    title = "The secret is too weak"
    advice = "Send at least 32 random bytes as base64url (43 characters or more), or none."


class PasswordTooWeak(errors.Invalid):
    internal_code = "password_too_weak"
    title = "This password is too weak"
    advice = "Choose a longer, less usual one that does not resemble the name."


class JobNameUnknown(errors.Invalid):
    internal_code = "job_name_unknown"
    title = "The server knows no such job"
    advice = "Choose one of the list."


class IdempotencyKeyMalformed(errors.Invalid):
    internal_code = "idempotency_key_malformed"
    title = "This Idempotency-Key cannot be used"
    advice = "Send 1 to 128 visible ASCII characters, such as a UUID."


class IdempotencyKeyReused(errors.Invalid):
    internal_code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"
    advice = "Use one new key for each new request, and the same only to repeat the very same request."


class IdempotencyKeyInUse(errors.Conflict):
    internal_code = "idempotency_key_in_use"
    title = "The first request with this Idempotency-Key is still running"
    advice = "Wait for the seconds in `Retry-After`, then repeat."
