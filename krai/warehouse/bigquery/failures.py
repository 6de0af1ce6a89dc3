"""What BigQuery's failures mean. Nothing it says is passed on but its reason, which is one of a list: its messages hold values."""

import concurrent.futures
import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import (
    BadRequest,
    GoogleAPICallError,
    NotFound,
    RetryError,
    ServerError,
    TooManyRequests,
)
from google.auth.exceptions import GoogleAuthError

from krai.errors import KraiError, Terminal, Transient

FAILURES = (GoogleAPICallError, RetryError, GoogleAuthError, OSError, concurrent.futures.TimeoutError)  # OSError: the line
# Another try may find BigQuery in a better mood, and whether the last one was heard is not known.
PASSING = (ServerError, TooManyRequests, RetryError, OSError)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REASON = re.compile(r"[A-Za-z]{1,40}", re.ASCII)
_APART = re.compile(r"different locations", re.IGNORECASE)
_CONCURRENT = re.compile(r"concurrent|aborted", re.IGNORECASE)


@contextmanager
def translated() -> Iterator[None]:
    """Failures of BigQuery's client as krai's own. What is not known to be final is tried again."""
    try:
        yield
    except FAILURES as error:
        raise meaning(error) from None


def meaning(error: BaseException) -> KraiError:
    reason = reason_of(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return Terminal("disk_full", "The disk that parts wait on is full.")
    if isinstance(error, BadRequest) and is_apart(error):
        return Terminal("internal", "The bucket and the dataset of BigQuery's are in different locations.")
    if isinstance(error, BadRequest):
        return Terminal("internal", f"BigQuery refused a statement of krai's: {reason}.")
    if isinstance(error, GoogleAuthError):
        return Transient("store_busy", "There are no credentials for BigQuery, or they cannot be checked.")
    return Transient("store_busy", f"BigQuery answered {reason}." if reason else "BigQuery does not answer.")


def is_conflict(error: BaseException) -> bool:
    """Whether somebody else's commit, or drop, was faster than this statement: its transaction was rolled back."""
    return isinstance(error, NotFound) or (isinstance(error, GoogleAPICallError) and _CONCURRENT.search(str(error.message)) is not None)


def is_apart(error: GoogleAPICallError) -> bool:
    """Whether BigQuery cannot come to the bucket, whatever is in it."""
    return _APART.search(str(error.message)) is not None


def reason_of(error: BaseException) -> str:
    errors = getattr(error, "errors", None) or [{}]
    found = _REASON.fullmatch(str(errors[0].get("reason", "")))
    return found[0] if found else ""
