"""What inventory may be refused.

AppError      500  job_timed_out · job_worker_lost
├── Unavailable 503 outbound_failed · files_unavailable
├── BadRequest 400 sync_bad_cursor · sync_unknown_table
├── Gone 410       sync_resync_required · file_gone
├── TooManyRequests 429 too_many_jobs · too_many_uploads
├── PayloadTooLarge 413 sync_too_many_operations · upload_too_large · uploads_full · download_too_large
├── Conflict 409  product_sku_taken · barcode_taken · lot_code_taken · location_code_taken · location_not_empty ·
│                 default_location · movement_already_reversed · reversal_of_reversal ·
│                 job_not_cancellable · job_not_retryable · job_not_revertible ·
│                 sync_sequence_gap · sync_conflict · sync_atomic_failed · sync_op_id_reused · sync_immutable ·
│                 sync_read_only · sync_quarantined · too_many_webhooks · webhook_disabled · import_state ·
│                 import_profile_taken
└── Invalid 422   tree_has_a_loop · tree_too_deep · movement_sides · same_location · lot_of_another_product ·
                  unknown_job_kind · job_parameters · upload_empty · outbound_refused · catalog_unreadable ·
                  webhook_invalid · unknown_import_kind · import_options · import_mapping · import_unreadable ·
                  export_too_long · label_sheet · no_labels · too_many_labels

What counting refuses: inventory/errors/counting.py; what alerts and cases refuse:
inventory/errors/alerts.py and cases.py.
"""

from __future__ import annotations

from typing import Any

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


class JobNotCancellable(errors.Conflict):
    internal_code = "job_not_cancellable"
    title = "This job has ended already"
    advice = "Nothing is left to cancel."


class JobNotRetryable(errors.Conflict):
    internal_code = "job_not_retryable"
    title = "Only a failed or cancelled job can be retried"
    advice = "Wait for it to end."


class JobNotRevertible(errors.Conflict):
    internal_code = "job_not_revertible"
    title = "Only a job that succeeded can be undone, once"
    advice = "Read it again."


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


class UnknownImportKind(errors.Invalid):
    internal_code = "unknown_import_kind"
    title = "There is no such kind of import"
    advice = "Use one of the kinds in docs/imports.md."


class ImportOptions(errors.Invalid):
    internal_code = "import_options"
    title = "These options do not fit an import"
    advice = "Correct them as `errors` says; docs/imports.md lists them."


class ImportMapping(errors.Invalid):
    internal_code = "import_mapping"
    title = "The mapping does not fit the file or the kind of import"
    advice = "Name a column of the file for each field that is needed."


class ImportUnreadable(errors.Invalid):
    internal_code = "import_unreadable"
    title = "The file cannot be read as a table"
    advice = "Send CSV, XLSX, XLS or JSON Lines; say encoding, delimiter, sheet or header_line where guessing is wrong."


class ExportTooLong(errors.Invalid):
    internal_code = "export_too_long"
    title = "A text is longer than this format can hold"
    advice = "Export as CSV or JSON Lines."


class ImportState(errors.Conflict):
    internal_code = "import_state"
    title = "The import does not stand where this can be done"
    advice = "Dry run, then apply; what is applied can be reverted. Read its status."


class ImportProfileTaken(errors.Conflict):
    internal_code = "import_profile_taken"
    title = "A profile of this name is there already"
    advice = "Choose another name, or delete that one."


class JobParameters(errors.Invalid):
    internal_code = "job_parameters"
    title = "These parameters do not fit the kind of job"
    advice = "Correct them as `errors` says."


class FileGone(errors.Gone):
    internal_code = "file_gone"
    title = "This file is past its time"
    advice = "Ask for it to be made again, or send it again."


class FilesUnavailable(errors.Unavailable):
    internal_code = "files_unavailable"
    title = "Files can neither be written nor read for a moment"
    advice = "Try again; operators look at the disk or at the S3 service."


class TooManyJobs(errors.TooManyRequests):
    internal_code = "too_many_jobs"
    title = "Too many jobs of this device wait already"
    advice = "Wait for some to end, or cancel some; operators set the limit with JOBS_PER_DEVICE."


class TooManyUploads(errors.TooManyRequests):
    internal_code = "too_many_uploads"
    title = "Too many files of this device are kept already"
    advice = "Use those that are there; each goes after some days. Operators set the limit with UPLOADS_PER_DEVICE."


class UploadTooLarge(errors.PayloadTooLarge):
    internal_code = "upload_too_large"
    title = "The file is too large"
    advice = "Split it; operators set the limit with MAX_UPLOAD_BYTES."


class UploadsFull(errors.PayloadTooLarge):
    internal_code = "uploads_full"
    title = "The files of this device take all the room they may"
    advice = (
        "Use those that are there; each goes after some days. Operators set the limit with UPLOAD_BYTES_PER_DEVICE."
    )


class UploadEmpty(errors.Invalid):
    internal_code = "upload_empty"
    title = "The file is empty"
    advice = "Send a file that has something in it."


class LabelSheet(errors.Invalid):
    internal_code = "label_sheet"
    title = "These labels do not lie on this sheet"
    advice = (
        "Measure again: margin + columns × width + gaps may not be more than the page, likewise its rows; "
        "a page has at most 450 mm a side."
    )


class NoLabels(errors.Invalid):
    internal_code = "no_labels"
    title = "There is nothing to print"
    advice = "Name what shall have a label, or widen the filter."


class TooManyLabels(errors.Invalid):
    internal_code = "too_many_labels"
    title = "More labels than one job prints"
    advice = "Ask for fewer at a time: by category, location or ids."


class SyncBadCursor(errors.BadRequest):
    internal_code = "sync_bad_cursor"
    title = "This cursor cannot be read"
    advice = "Send the cursor of the last answer unchanged, or none to start again."


class SyncUnknownTable(errors.BadRequest):
    internal_code = "sync_unknown_table"
    title = "There is no such synced table"
    advice = "Use the tables of docs/sync.md."


class SyncResyncRequired(errors.Gone):
    """`reason`: expired (deletions since are no longer known), ahead, or epoch (restored from a backup)."""

    internal_code = "sync_resync_required"
    title = "Start again from a full pull"
    advice = "Push what is queued, drop the cursor, pull everything, and drop local rows that did not come."

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail, extra={"reason": reason})


class SyncTooManyOperations(errors.PayloadTooLarge):
    internal_code = "sync_too_many_operations"
    title = "Too many operations in one push"
    advice = "Push at most 500 at a time, in order."


class SyncSequenceGap(errors.Conflict):
    internal_code = "sync_sequence_gap"
    title = "Operations are missing before these"
    advice = "Push again from the operation numbered `expected`; nothing of this push was stored."

    def __init__(self, expected: int) -> None:
        super().__init__(f"The next operation must have sequence {expected}.", extra={"expected": expected})


class SyncConflict(errors.Conflict):
    """`row` is the server's row, `fields` are those that both sides changed."""

    internal_code = "sync_conflict"
    title = "The row was changed by someone else"
    advice = "Take the server's row from the answer, merge, and send a new operation on it."

    def __init__(self, row: Any, fields: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.row, self.fields = row, fields


class SyncAtomicFailed(errors.Conflict):
    """`results` are what the operations would have been answered; nothing was applied."""

    internal_code = "sync_atomic_failed"
    title = "One operation failed, so none was applied"
    advice = "See `results`; mend the one that failed and push all of them again."

    def __init__(self, results: Any) -> None:
        super().__init__()
        self.results = results


class SyncOpIdReused(errors.Conflict):
    internal_code = "sync_op_id_reused"
    title = "This op_id was used for another operation"
    advice = "Make a new op_id for every new operation."


class SyncImmutable(errors.Conflict):
    internal_code = "sync_immutable"
    title = "Facts are never changed"
    advice = "Record another movement that corrects it, or reverse it."


class SyncReadOnly(errors.Conflict):
    internal_code = "sync_read_only"
    title = "This table flows from the server to devices only"
    advice = "Do not push it; it follows from the movements."


class SyncQuarantined(errors.Conflict):
    internal_code = "sync_quarantined"
    title = "Kept for the staff to decide"
    advice = "This installation is being retired; drop the operation, it is safe with the server."


class JobTimedOut(errors.AppError):
    internal_code = "job_timed_out"
    title = "The job took longer than jobs may take"
    advice = "Ask for less at a time; operators set the limit with JOB_SOFT_SECONDS."


class JobWorkerLost(errors.AppError):
    internal_code = "job_worker_lost"
    title = "The workers that ran this job fell silent again and again"
    advice = "Tell the operator: such a job may need more memory than there is. It can be retried."


class OutboundRefused(errors.Invalid):
    internal_code = "outbound_refused"
    title = "This address is not called from here"
    advice = "Give a public http(s) address; operators allow private networks in OUTBOUND_NETWORKS."


class CatalogUnreadable(errors.Invalid):
    internal_code = "catalog_unreadable"
    title = "The catalogue cannot be read"
    advice = "Offer CSV or JSON Lines with a column `code` (GTIN) and one `product_name`."


class DownloadTooLarge(errors.PayloadTooLarge):
    internal_code = "download_too_large"
    title = "The file at this address is too large"
    advice = "Offer it in smaller parts."


class OutboundFailed(errors.Unavailable):
    internal_code = "outbound_failed"
    title = "The other server did not answer"
    advice = "Check the address and that the server answers in time, then try again."


class WebhookInvalid(errors.Invalid):
    internal_code = "webhook_invalid"
    title = "A webhook cannot be like this"
    advice = "Correct the field listed in `errors`; docs/webhooks.md shows patterns and conditions."


class TooManyWebhooks(errors.Conflict):
    internal_code = "too_many_webhooks"
    title = "This device has as many webhooks as it may have"
    advice = "Delete one, or let one receiver take several patterns; operators set the limit with WEBHOOKS_PER_DEVICE."


class WebhookDisabled(errors.Conflict):
    internal_code = "webhook_disabled"
    title = "This webhook is disabled"
    advice = "Enable it first; what waits is sent then."
