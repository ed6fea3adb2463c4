"""What inventory may be refused.

AppError      500  job_timed_out · job_worker_lost
├── Conflict 409  product_sku_taken · barcode_taken · lot_code_taken · location_code_taken · location_not_empty ·
│                 default_location · movement_already_reversed · reversal_of_reversal · case_closed ·
│                 job_not_cancellable · job_not_retryable
└── Invalid 422   tree_has_a_loop · tree_too_deep · movement_sides · same_location · lot_of_another_product ·
                  unknown_job_kind · job_parameters
"""

from __future__ import annotations

from config.core import errors


class ProductSkuTaken(errors.Conflict):
    internal_code = "product_sku_taken"
    title = "Another product of this device has this SKU"
    advice = "Use another SKU, or update the product that has it."


class BarcodeTaken(errors.Conflict):
    internal_code = "barcode_taken"
    title = "Another product of this device has this barcode"
    advice = "Look it up (GET /v1/scan/{code}); move the barcode there or leave it."


class LotCodeTaken(errors.Conflict):
    internal_code = "lot_code_taken"
    title = "This product has a lot or serial with this code already"
    advice = "Use the existing lot."


class LocationCodeTaken(errors.Conflict):
    internal_code = "location_code_taken"
    title = "Another location of this device has this code"
    advice = "Use another code."


class LocationNotEmpty(errors.Conflict):
    internal_code = "location_not_empty"
    title = "There is stock in this location or below it"
    advice = "Transfer the stock first, then delete the location."


class DefaultLocation(errors.Conflict):
    internal_code = "default_location"
    title = "A device cannot be without its default location"
    advice = "Rename it instead."


class MovementAlreadyReversed(errors.Conflict):
    internal_code = "movement_already_reversed"
    title = "This movement is reversed already"
    advice = "Nothing is left to do."


class ReversalOfReversal(errors.Conflict):
    internal_code = "reversal_of_reversal"
    title = "A reversal is not reversed"
    advice = "Record the movement anew."


class CaseClosed(errors.Conflict):
    internal_code = "case_closed"
    title = "This case is closed already"
    advice = "Read it again: somebody was faster."


class JobNotCancellable(errors.Conflict):
    internal_code = "job_not_cancellable"
    title = "This job has ended already"
    advice = "Nothing is left to cancel."


class JobNotRetryable(errors.Conflict):
    internal_code = "job_not_retryable"
    title = "Only a failed or cancelled job can be retried"
    advice = "Wait for it to end."


class TreeHasALoop(errors.Invalid):
    internal_code = "tree_has_a_loop"
    title = "This parent lies below the row itself"
    advice = "Choose a parent outside of its own branch."


class TreeTooDeep(errors.Invalid):
    internal_code = "tree_too_deep"
    title = "A tree has at most 64 levels"
    advice = "Choose a parent higher up."


class MovementSides(errors.Invalid):
    internal_code = "movement_sides"
    title = "These locations do not fit the kind of movement"
    advice = (
        "receipt: to_location_id (default: the device's default location); issue: from_location_id (likewise); "
        "transfer: both; adjustment: exactly one side, which gives the sign."
    )


class SameLocation(errors.Invalid):
    internal_code = "same_location"
    title = "A transfer needs two different locations"
    advice = "Correct from_location_id or to_location_id."


class LotOfAnotherProduct(errors.Invalid):
    internal_code = "lot_of_another_product"
    title = "This lot belongs to another product"
    advice = "Use a lot of the product that is moved."


class UnknownJobKind(errors.Invalid):
    internal_code = "unknown_job_kind"
    title = "There is no such kind of job"
    advice = "Use one of the kinds in docs/operations.md."


class JobParameters(errors.Invalid):
    internal_code = "job_parameters"
    title = "These parameters do not fit the kind of job"
    advice = "Correct them as `errors` says."


class JobTimedOut(errors.AppError):
    internal_code = "job_timed_out"
    title = "The job took longer than jobs may take"
    advice = "Ask for less at a time; operators set the limit with JOB_SOFT_SECONDS."


class JobWorkerLost(errors.AppError):
    internal_code = "job_worker_lost"
    title = "The workers that ran this job fell silent again and again"
    advice = "Tell the operator: such a job may need more memory than there is. It can be retried."
