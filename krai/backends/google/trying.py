"""Asking Cloud Storage again while another answer may come; what stays becomes one of krai's own failures."""

import random
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from google.api_core.exceptions import GoogleAPICallError, NotFound, PreconditionFailed
from google.auth.exceptions import GoogleAuthError

from krai import observe
from krai.errors import Transient

T = TypeVar("T")

TRIES = 5
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 4.0
TIMEOUT_S = (5.0, 30.0)  # to connect or to send on, and between two bytes of an answer
WORTH_ANOTHER_TRY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


def keep_trying(call: Callable[[int], T]) -> T:
    """What `call` returns, asked up to `TRIES` times.

    It is told how many tries before it have failed: they may have been carried out although no answer came.
    Raises NotFound and PreconditionFailed as they come, Transient store_busy for everything else.
    """
    wait_s = FIRST_WAIT_S
    for failed in range(TRIES - 1):
        try:
            return call(failed)
        except (GoogleAPICallError, GoogleAuthError, OSError) as error:
            if not _may_pass(error):
                raise _said(error) from error
        time.sleep(wait_s * random.uniform(0.5, 1))  # noqa: S311 - so that not everybody comes back at once
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    try:
        return call(TRIES - 1)
    except (GoogleAPICallError, GoogleAuthError, OSError) as error:
        raise _said(error) from error


def _may_pass(error: Exception) -> bool:
    """What a connection does is an OSError, also where requests has wrapped it."""
    if isinstance(error, GoogleAPICallError):
        return error.code is not None and (error.code in WORTH_ANOTHER_TRY or error.code >= HTTPStatus.INTERNAL_SERVER_ERROR)
    return isinstance(error, OSError) or bool(getattr(error, "retryable", False))


def _said(error: Exception) -> Exception:
    if isinstance(error, NotFound | PreconditionFailed):
        return error
    observe.log().warning("Cloud Storage cannot be used", error=type(error).__name__, reason=str(error)[:300])
    return Transient("store_busy", "Cloud Storage does not answer as it should.")
