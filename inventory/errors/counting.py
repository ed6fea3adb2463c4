"""What counting may be refused.

AppError
├── Conflict 409  stocktake_transition · sheet_transition · line_transition · campaign_transition ·
│                 stocktake_not_open · nothing_to_recount · lines_undecided · recount_required · four_eyes ·
│                 passes_exhausted · line_not_reversible · counting_blindly · scan_already_counted ·
│                 scan_still_unknown
└── Invalid 422   count_policy · reason_required · count_of_nothing · campaign_without_devices
"""

from __future__ import annotations

from typing import Any

from config.core import errors


def _cannot(noun: str, state: str, action: str) -> dict[str, Any]:
    """What a refused transition tells: `state` is where it stands, `action` what was asked for."""
    extra = {"state": str(state), "action": action}
    return {"detail": f"A {noun} that is {state} cannot be changed so: {action}.", "extra": extra}


class StocktakeTransition(errors.Conflict):
    internal_code = "stocktake_transition"
    title = "The stocktake is not in a state for this"
    advice = "Read its state; docs/counting.md has the table of what leads where."

    def __init__(self, state: str, action: str) -> None:
        super().__init__(**_cannot("stocktake", state, action))


class SheetTransition(errors.Conflict):
    internal_code = "sheet_transition"
    title = "The count sheet is not in a state for this"
    advice = "Read its state; docs/counting.md has the table of what leads where."

    def __init__(self, state: str, action: str) -> None:
        super().__init__(**_cannot("count sheet", state, action))


class LineTransition(errors.Conflict):
    internal_code = "line_transition"
    title = "The line is not in a state for this"
    advice = "Read its state; docs/counting.md has the table of what leads where."

    def __init__(self, state: str, action: str) -> None:
        super().__init__(**_cannot("line", state, action))


class CampaignTransition(errors.Conflict):
    internal_code = "campaign_transition"
    title = "The campaign is not in a state for this"
    advice = "Only a draft can be changed, launched or cancelled; a launched campaign can be closed."

    def __init__(self, state: str, action: str) -> None:
        super().__init__(**_cannot("campaign", state, action))


class StocktakeNotOpen(errors.Conflict):
    internal_code = "stocktake_not_open"
    title = "This stocktake takes no sheets now"
    advice = "Open it first; in review ask for a recount, which opens the next pass."


class LinesUndecided(errors.Conflict):
    internal_code = "lines_undecided"
    title = "There are lines without a decision"
    advice = "Accept, reject, excuse or recount each line with a variance first."


class NothingToRecount(errors.Conflict):
    internal_code = "nothing_to_recount"
    title = "No line is marked for a recount"
    advice = "Mark the lines that shall be counted again first."


class RecountRequired(errors.Conflict):
    internal_code = "recount_required"
    title = "This variance must be counted again by somebody else before it is accepted"
    advice = "Ask for a recount; two passes of different counters that agree can be accepted."


class FourEyes(errors.Conflict):
    internal_code = "four_eyes"
    title = "Whoever counted cannot decide"
    advice = "Let another person or installation accept, excuse or approve it."


class PassesExhausted(errors.Conflict):
    internal_code = "passes_exhausted"
    title = "The policy allows no further pass"
    advice = "Decide on what was counted."


class LineNotReversible(errors.Conflict):
    internal_code = "line_not_reversible"
    title = "Only a posted line can be reversed"
    advice = "A line that is not posted yet is rejected or counted again instead."


class CountingBlindly(errors.Conflict):
    internal_code = "counting_blindly"
    title = "This installation counts blindly and is not told the book"
    advice = "Ask for it once the count is posted, or from another installation or as a person."


class ScanAlreadyCounted(errors.Conflict):
    internal_code = "scan_already_counted"
    title = "This scan is counted, or names nothing to be counted"
    advice = "Look at its outcome and at /v1/count-entries; to correct a count, add another."


class ScanStillUnknown(errors.Conflict):
    internal_code = "scan_still_unknown"
    title = "Nobody knows this code yet"
    advice = "Make a barcode of the code first, or type the count in."


class CountPolicyInvalid(errors.Invalid):
    internal_code = "count_policy"
    title = "This policy cannot be"
    advice = "Correct the field that `errors` names; docs/counting.md lists them all."


class ReasonRequired(errors.Invalid):
    internal_code = "reason_required"
    title = "A variance above tolerance needs a reason"
    advice = "Send one of the reason codes in docs/counting.md."


class CountOfNothing(errors.Invalid):
    internal_code = "count_of_nothing"
    title = "This count names no product"
    advice = "Send product_id; to say that a location is empty send mode `empty` without product and quantity."


class CampaignWithoutDevices(errors.Invalid):
    internal_code = "campaign_without_devices"
    title = "There is no device to count"
    advice = "Name devices of yours, or leave device_ids empty for all of them."
