"""What may become of a job's callback, without any I/O.

    pending ──2xx──▶ delivered
       │ └────410──▶ disabled
       └──attempts─▶ failed
          spent

A callback is due from the very write that ends its job, so no crash loses one. `begin` comes before the receiver is called: it takes
the callback for a minute, so that two workers do not call at once, and counts the attempt, so that one nobody lives to settle counts.
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

from krai.job import Callback, CallbackState, Job
from krai.transitions import LONGEST_REPUBLISH_S, REPUBLISH_AFTER_S, look_again

HOUR_S = 3600
# Waits after each attempt but the last, as the standard proposes them: three days in all.
WAITS_S = (5, 300, 1800, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S)
JITTER = 0.2  # a wait is up to so much longer, so that what failed at once does not come back at once
LEASE_S = 60  # longer than a call takes, with the writes before and after it
LONGEST_RETRY_AFTER_S = 24 * HOUR_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` is None when there was none, `error` a code of krai/errors.py and None when the receiver has taken it.

    `retry_after_s`: how long it wants to be left alone.
    """

    status: int | None = None
    error: str | None = None
    retry_after_s: float = 0


def due(job: Job, now: datetime) -> bool:
    """True when the receiver is to be called now."""
    return job.callback is not None and job.callback.next_at is not None and job.callback.next_at <= now


def begin(job: Job, now: datetime) -> Job:
    """The callback taken for one attempt, or failed when there were enough of them."""
    callback = _of(job)
    if callback.attempts > len(WAITS_S):
        return _with(job, replace(callback, state=CallbackState.FAILED, next_at=None))
    return _with(job, replace(callback, attempts=callback.attempts + 1, next_at=now + timedelta(seconds=LEASE_S)))


def wait(job: Job, now: datetime) -> Job:
    """The callback put off for as long as the job's end is past, but neither too short nor too long: nobody can call just now."""
    since_s = (now - (job.finished_at or now)).total_seconds()
    wait_s = min(max(REPUBLISH_AFTER_S, since_s), LONGEST_REPUBLISH_S)
    return _with(job, replace(_of(job), next_at=now + timedelta(seconds=wait_s)))


def settle(job: Job, answer: Answer, now: datetime) -> Job:
    """The callback with what came of its attempt."""
    callback = replace(_of(job), last_status=answer.status, last_error=answer.error, next_at=None)
    if answer.error is None:
        return _with(job, replace(callback, state=CallbackState.DELIVERED))
    if answer.status == HTTPStatus.GONE:
        return _with(job, replace(callback, state=CallbackState.DISABLED))
    if callback.attempts > len(WAITS_S):
        return _with(job, replace(callback, state=CallbackState.FAILED))
    wait_s = WAITS_S[callback.attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreading load is no secret
    asked_s = min(answer.retry_after_s, LONGEST_RETRY_AFTER_S)
    return _with(job, replace(callback, next_at=now + timedelta(seconds=max(wait_s, asked_s))))


def _of(job: Job) -> Callback:
    if job.callback is None:
        raise ValueError(f"{job.job_id} has no callback")
    return job.callback


def _with(job: Job, callback: Callback) -> Job:
    return look_again(replace(job, callback=callback))
