"""Page tokens: where a page of jobs ended, and a mark of the listing it belongs to.

A listing is known by what was asked for; it is ordered by a time of its jobs and then by their ids.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from krai.backends.documents import gone
from krai.errors import Terminal
from krai.job import Job, format_time, parse_time
from krai.ports import JobPage, JobQuery

Listing = Sequence[Any]  # JSON types

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


def of_listing(query: JobQuery) -> Listing:
    return [query.created_by, query.type, query.status, query.dataset, query.label]


def of_deliveries(webhook_id: str) -> Listing:
    return ["deliveries", webhook_id]


def page(listing: Listing, found: Sequence[Job], size: int, time_of: Callable[[Job], datetime], now: datetime) -> JobPage:
    """The page of which the store has found one job more than it holds, if there are more. Those that nobody may see are left out."""
    jobs = found[:size]
    next_page = encode(listing, time_of(jobs[-1]), jobs[-1].job_id) if len(found) > size else None
    return JobPage([job for job in jobs if not gone(job, now)], next_page)


def created_at(job: Job) -> datetime:
    return job.created_at


def ended_at(job: Job) -> datetime:
    """Of a job with deliveries, which has ended."""
    return job.finished_at or job.created_at


def encode(listing: Listing, moment: datetime, job_id: str) -> str:
    """The token that continues the listing after this job, whose time is `moment`."""
    text = json.dumps([_mark(listing), format_time(moment), job_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(listing: Listing, token: str | None) -> tuple[str, str] | None:
    """The time, as text, and the id of the job that the token continues after; None for the first page.

    Raises Terminal invalid_page_token, also for the token of a listing with other filters or of another caller.
    """
    if token is None:
        return None
    try:
        padded = token.encode("ascii") + b"=" * (-len(token) % 4)
        mark, moment, job_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if mark != _mark(listing) or not _TIME.fullmatch(moment) or not isinstance(job_id, str):
            raise Terminal("invalid_page_token")
        parse_time(moment)  # anybody can make a token, also of a thirteenth month
    except (ValueError, TypeError, RecursionError):
        raise Terminal("invalid_page_token") from None
    return moment, job_id


def _mark(listing: Listing) -> str:
    return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]
