"""Every way krai can fail, in one place.

    KraiError
    ├── Terminal     the answer will not change: a caller gets it as problem+json, a job ends FAILED with it
    └── Transient    another attempt may succeed: a caller gets 503 + Retry-After, a job is tried again

`PROBLEMS` lists every code a client can meet, with its HTTP status (RFC 9110), its title and what to do about it. A code that
is not listed cannot be raised. Codes in the second half describe what went wrong with a job's data: they stand in `job.error`,
in the rejects file, or in the 422 of the request that could be refused at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of failure: `status` is the HTTP status it has when it is an answer, `remedy` what the reader should do."""

    code: str
    status: int
    title: str
    remedy: str


_TABLE = (
    # -- requests ---------------------------------------------------------------------------------------------------------
    (
        "malformed_json",
        400,
        "This is not a strict JSON object",
        "Write each body and each row as one UTF-8 JSON object: no duplicate keys, no NaN, at most 32 levels deep (rows: 100).",
    ),
    ("malformed_request", 400, "This is not HTTP as RFC 9112 has it", "Send it by a client or a proxy that keeps to HTTP/1.1."),
    ("invalid_argument", 400, "A query parameter or header is not valid", "Correct the named parameter; /docs lists what each accepts."),
    ("invalid_page_token", 400, "The page token is not valid here", "Use the next_page_token of the same listing, with the same filters."),
    ("invalid_idempotency_key", 400, "The Idempotency-Key is not valid", "Send 1 to 255 printable ASCII characters."),
    ("ambiguous_credentials", 400, "More than one credential was sent", "Send one of x-api-key, Authorization and the session cookie, once; a browser that is signed in leaves the key away or signs out."),
    ("login_failed", 400, "Signing in did not succeed", "Start again at /login, in one window; ask an admin of this deployment if it stays."),
    ("unauthenticated", 401, "No credential was sent", "Send the x-api-key header, or Authorization: Bearer with an ID token; from a browser, sign in at /login."),
    ("invalid_key", 401, "The API key is not valid", "Check the key, or ask for a new one."),
    ("invalid_token", 401, "The ID token is not valid", "Sign in again for a fresh ID token of an issuer this deployment knows."),
    ("not_allowed", 403, "You may not do this", "Ask an admin of this deployment."),
    ("csrf", 403, "This was not sent from a page of krai", "Send it from a page of this deployment, or with a key instead of the session cookie."),
    ("invalid_link", 403, "The link is not valid or has expired", "Ask for the result again: each answer carries fresh links."),
    ("not_found", 404, "There is nothing here", "Check the address; jobs of other callers and deleted jobs answer the same."),
    ("dataset_not_found", 404, "There is no such dataset", "GET /api/v1/datasets lists the datasets; an import creates one."),
    ("method_not_allowed", 405, "This address does not take that method", "The Allow header names the methods it takes."),
    ("request_timeout", 408, "The request did not arrive in time", "Send it again, without pauses."),
    ("job_not_finished", 409, "The job has not finished", "Poll the job, or wait for it with Prefer: wait=30."),
    ("job_failed", 409, "The job failed, so there is no result", "The job's error says why; POST …/retry tries it again."),
    ("job_cancelled", 409, "The job was cancelled, so there is no result", "POST …/retry runs it again."),
    ("job_finished", 409, "The job has already finished", "There is nothing left to cancel."),
    ("job_running", 409, "The job has not finished yet", "Cancel it and wait until it has stopped, then delete it."),
    ("job_not_retryable", 409, "Only a FAILED or CANCELLED job can be retried, or a COMPLETED import with its rejects mended", "Send a new request instead; mended rejects go into the source."),
    ("import_gone", 409, "The rows of the import are not in the dataset any more", "A newer replace, an undo or a drop has taken them away: send the mended rows in a request of their own."),
    ("job_not_undoable", 409, "Only an import that has changed its dataset can be undone", "Undo a COMPLETED import; what an undo did is done again by a new import."),
    ("too_many_webhooks", 409, "There are as many webhooks as there may be", "Remove one: a caller may have 20, and all admins together 20 for everybody's jobs."),
    ("webhook_disabled", 409, "The webhook is disabled or removed", "PUT it with enabled set to true when its receiver is well again."),
    ("upload_incomplete", 409, "The upload has not finished", "PUT the missing bytes, then send the import again."),
    (
        "upload_conflict",
        409,
        "These bytes do not continue the upload",
        "Ask where it stands with Content-Range: bytes */total and go on from there.",
    ),
    (
        "result_expired",
        410,
        "The result has been deleted",
        "Results are kept for a limited time; POST …/retry or a new export makes a new one.",
    ),
    ("too_large", 413, "The body is too large", "Upload large files with POST /api/v1/uploads."),
    ("unsupported_media_type", 415, "The body is not application/json", "Send Content-Type: application/json."),
    ("range_not_satisfiable", 416, "The file is shorter than that", "Ask for a Range within the file; Content-Range says how long it is."),
    ("upload_range", 416, "The Content-Range is not valid", "Send Content-Range: bytes first-last/total as RFC 9110 has it."),
    (
        "invalid_request",
        422,
        "The request cannot be carried out as it stands",
        "Each entry of errors points at a field and says what it takes.",
    ),
    ("unknown_field", 422, "There is no such field", "Remove the field; /docs lists those there are."),
    ("invalid_field", 422, "A field has a value it does not take", "Correct the field that the pointer names."),
    ("missing_field", 422, "A required field is missing", "Add the field that the pointer names."),
    ("invalid_dataset", 422, "This is not a dataset name", "Use a small letter, then up to 62 small letters, digits and underscores."),
    ("invalid_filter", 422, "This is not a filter on the dataset", "The detail says where and what is taken; docs/filters.md shows what filters are made of."),
    ("unknown_source", 422, "No source is registered under this name", "Use a registered name, an upload, a URL or inline records."),
    ("unknown_upload", 422, "There is no such upload", "POST /api/v1/uploads opens one; it lives for a day."),
    ("url_imports_off", 422, "Imports from a URL are switched off", "Set KRAI_URL_IMPORTS=on, or upload the file."),
    ("invalid_source_url", 422, "This is not a URL an import can read", "Use https:// with a plain host name."),
    ("source_blocked", 422, "The source is not on the public internet", "Use a URL that anybody can reach, or upload the file."),
    ("source_forbidden", 422, "You may not import from there", "Ask an admin to grant you the bucket, or upload the file."),
    ("callbacks_off", 422, "Callbacks are switched off", "Set KRAI_CALLBACKS=on, or poll the job."),
    ("webhook_blocked", 422, "This is no place to call back", "Use an https:// URL of a host that anybody on the public internet can reach."),
    ("idempotency_mismatch", 422, "The Idempotency-Key was used for another request", "Use a new key for a new request."),
    ("rate_limited", 429, "Too many requests", "Wait for the seconds in Retry-After."),
    ("quota_exceeded", 429, "You have as much as one caller may have", "The detail names the quota; come back after the seconds in Retry-After."),
    ("headers_too_large", 431, "The headers are too large", "Send fewer and shorter headers."),
    ("internal", 500, "Something went wrong on our side", "Try again; quote the request_id if it stays."),
    ("store_busy", 503, "A store krai depends on does not answer", "Try again after the seconds in Retry-After."),
    ("links_unavailable", 503, "No link can be signed at the moment", "Try again after the seconds in Retry-After; the file is safe."),
    ("not_ready", 503, "krai is starting or stopping", "Try again after the seconds in Retry-After."),
    ("auth_unavailable", 503, "The keys of the identity provider cannot be read", "Try again after the seconds in Retry-After."),
    # -- jobs and their data ----------------------------------------------------------------------------------------------
    ("attempts_spent", 422, "The job was tried as often as allowed", "The detail names the last reason; POST …/retry starts afresh."),
    ("dead_lettered", 422, "No worker could answer its wake-up message", "The log says more under the job's id; POST …/retry starts afresh."),
    (
        "parser_crashed",
        422,
        "Reading the file killed its reader three times",
        "The file is damaged or hostile; write it anew with another program.",
    ),
    ("dataset_in_use", 422, "Something in the database is built upon the dataset", "Remove the views on its view, then retry the job."),
    ("memory_limit", 422, "The job needed more memory than it may have", "Split the file, or shorten its longest rows."),
    ("job_timeout", 422, "The job ran longer than it may", "Split the work into smaller jobs."),
    ("disk_full", 422, "The disk is full", "Make room in the data folder, then retry the job."),
    ("unknown_message", 422, "A queue message names no job", "Nothing to do; it was put aside for the operator."),
    ("format_mismatch", 422, "The content is not of the format it should be", "Name the right format, or send the right file."),
    ("corrupt_file", 422, "The file is damaged", "Write and upload the file again."),
    ("encrypted_file", 422, "The file is encrypted, or of an Excel before 2007", "Save it as .xlsx, without a password."),
    ("forbidden_xml", 422, "The file has an XML document type", "Save it with another program: no spreadsheet needs entities."),
    ("unknown_sheet", 422, "There is no such sheet", "Name one of the workbook's sheets that has cells, or give its number from 1."),
    ("empty_file", 422, "The file is empty", "Send a file that has columns: a header line, or rows that name them."),
    ("decompression_limit", 422, "The file unpacks to more than allowed", "Split the file."),
    ("encoding_unsupported", 422, "The file is not UTF-8", "Name its encoding in the request's csv, or save the file as UTF-8."),
    ("duplicate_column", 422, "Two columns have the same name", "Rename one of them, in the file or by columns of the request."),
    ("empty_column_name", 422, "A column has no name", "Name every column in the header."),
    ("column_name_too_long", 422, "A column name is too long", "Use at most 255 bytes, or 63 where the datasets are in PostgreSQL."),
    ("reserved_column", 422, "A column has a name that krai keeps for itself", "Rename it in the file: only columns of a rejects file begin with _krai_."),
    ("too_many_columns", 422, "The file has too many columns", "Split the file by columns."),
    ("unknown_column", 422, "There is no such column", "GET /api/v1/datasets/{name} lists the columns; what is renamed must be in the file."),
    ("snapshot_not_found", 422, "The dataset has no such snapshot", "Take the snapshot_id of an earlier result, or a time after the first import."),
    ("unterminated_quote", 422, "A quoted cell does not end", "Close the quote in the line that the detail names."),
    ("too_many_rejects", 422, "Too many rows were rejected", "GET /api/v1/jobs/{id}/errors says what is wrong with each row."),
    ("cell_too_large", 422, "A cell is too long for the format", "Export as another format, or leave the column out with columns."),
    ("too_many_files", 422, "The export would have too many files", "Ask for more rows in a file with split_rows."),
    ("nothing_to_undo", 422, "Nothing of the import is left to undo", "It was undone before, or newer imports have replaced all of its rows."),
    ("undo_conflict", 422, "Newer rows are in the way of the undo", "The replace changed the columns, and newer imports brought rows in them: undo these first."),
    ("unsupported_type", 422, "A column has a type krai cannot keep", "Convert the column to numbers, text, dates or times."),
    ("source_changed", 422, "The source changed after the job was accepted", "Start a new import."),
    ("upload_mismatch", 422, "The file is not the one whose digest was given", "Send the file again, or correct the digest."),
    ("source_missing", 422, "The source is gone", "Upload the file again, then start a new import."),
    ("source_http_error", 422, "The source answered with an error", "Check that the URL can be read without signing in."),
    ("source_http_401", 422, "The source asks for a sign-in", "Use a URL that can be read without one, or upload the file."),
    ("source_http_500", 503, "The source answered with an error of its own", "Check the server of the source; krai tries again by itself."),
    ("source_redirect", 422, "The source redirects elsewhere", "Use the final URL."),
    ("source_encoding", 422, "The source was sent with a Content-Encoding", "Serve the file as it is."),
    ("source_truncated", 422, "The source ended early", "Check the server of the source, then retry."),
    ("source_length_unknown", 422, "The source does not say how long it is", "Serve it with Content-Length, or give its sha256."),
    ("source_too_large", 422, "The source is larger than allowed", "Split the file."),
    ("source_timeout", 422, "The source is too slow", "Upload the file instead."),
    ("source_unreachable", 503, "The source cannot be reached", "Check the URL; krai tries again by itself."),
    # -- callbacks: why the last attempt to tell of a job's end failed ----------------------------------------------------
    ("webhook_unreachable", 503, "The receiver cannot be reached", "Check its host name and its certificate; krai tries again by itself."),
    ("webhook_timeout", 503, "The receiver did not answer in time", "Answer within 15 seconds, and do the work after that; krai tries again by itself."),
    ("webhook_redirect", 503, "The receiver redirects elsewhere", "Use the final URL; krai follows none, and tries again by itself."),
    ("webhook_http_error", 503, "The receiver did not answer with 2xx", "Check the server of the receiver; krai tries again by itself, but for 410."),
    # -- rows -------------------------------------------------------------------------------------------------------------
    ("column_count", 422, "The row has too few or too many cells", "Give every row as many cells as the header."),
    ("bad_quote", 422, "A quote stands where none may", "Quote whole cells and double the quotes inside."),
    ("control_character", 422, "The row has a NUL character", "Remove it."),
    ("invalid_utf8", 422, "The row is not UTF-8", "Save the row as UTF-8."),
    ("row_too_large", 422, "The row is too long", "Shorten the row."),
    ("bad_cell", 422, "A cell has no value that can be read", "Correct the cell; an error such as #N/A is none."),
    ("non_finite_number", 422, "A number is not finite", "Correct the number, or leave the cell empty."),
    ("null_key", 422, "The row has no value in a column of the key", "Fill in the cell: a row is told from others by its key."),
    ("type_mismatch", 422, "The cell does not fit the column's type", "Correct the cell."),
)

PROBLEMS: dict[str, Problem] = {code: Problem(code, status, title, remedy) for code, status, title, remedy in _TABLE}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field that is wrong: an RFC 6901 pointer into the body, a code, and what the field takes (never what was sent)."""

    pointer: str
    code: str
    detail: str


@dataclass(eq=False)
class KraiError(Exception):
    """A failure with a listed `code`; `detail` says what happened here and must not repeat the caller's input.

    `result` is what a job that fails with it leaves to be read, kept as that of a job that completes: the rejects of an import.
    """

    code: str
    detail: str = ""
    retry_after_s: int | None = None
    errors: Sequence[FieldError] = field(default=())
    result: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.code not in PROBLEMS:
            message = f"the problem code {self.code!r} is not listed in krai/errors.py"
            raise KeyError(message)
        super().__init__(self.code, self.detail)

    @property
    def problem(self) -> Problem:
        return PROBLEMS[self.code]

    def to_doc(self) -> dict[str, Any]:
        """The failure as a job keeps it: an RFC 9457 problem without the parts that belong to one request."""
        problem = self.problem
        return {
            "type": f"/problems/{self.code}",
            "title": problem.title,
            "status": problem.status,
            "code": self.code,
            "detail": self.detail or problem.remedy,
        }

    def __str__(self) -> str:
        return f"{self.code}: {self.detail or self.problem.title}"


class Terminal(KraiError):
    """The same request or job would fail again; nobody should retry it unchanged."""


class Transient(KraiError):
    """Another attempt may succeed."""


class Conflict(Exception):
    """A compare-and-set lost: somebody else wrote first. Read again and decide anew."""
