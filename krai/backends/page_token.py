"""Page tokens: where a page of jobs ended, and a mark of the listing it belongs to."""

import base64
import hashlib
import json
import re

from krai.errors import Terminal
from krai.job import Job, format_time
from krai.ports import JobQuery

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def encode(query: JobQuery, last: Job) -> str:
    """The token that continues `query` after the job `last`."""
    text = json.dumps([_mark(query), format_time(last.created_at), last.job_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(query: JobQuery) -> tuple[str, str] | None:
    """`created_at` as text and the id of the job that `query.after` continues after; None for the first page.

    Raises Terminal invalid_page_token, also for the token of a listing with other filters or of another caller.
    """
    if query.after is None:
        return None
    try:
        padded = query.after.encode("ascii") + b"=" * (-len(query.after) % 4)
        mark, created_at, job_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        raise Terminal("invalid_page_token") from None
    if mark != _mark(query) or not isinstance(created_at, str) or not _TIME.fullmatch(created_at) or not isinstance(job_id, str):
        raise Terminal("invalid_page_token")
    return created_at, job_id


def _mark(query: JobQuery) -> str:
    filters = json.dumps([query.created_by, query.type, query.status, query.dataset, query.label])
    return hashlib.sha256(filters.encode()).hexdigest()[:16]
