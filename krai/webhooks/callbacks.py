"""What may become of a job's callbacks, without any I/O: of its `callback_url`, and of the webhooks that want to hear of its end.

    pending ──2xx──▶ delivered
       │ └────410──▶ disabled
       └──attempts─▶ failed
          spent

A callback is due from the very write that ends its job, so no crash loses one. `begin` comes before the receivers are called: it takes
what is due for a minute, so that two workers do not call at once, and counts the attempt, so that one nobody lives to settle counts.
"""

import random
from collections.abc import Callable, Sequence
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

    `retry_after_s`: how long it wants to be left alone. `last`: it must not be called again.
    """

    status: int | None = None
    error: str | None = None
    retry_after_s: float = 0
    last: bool = False


def message_id(job: Job) -> str:
    """What the message of the job's end is known by, whoever is told it and however often."""
    return f"msg_{job.job_id}_{job.status.lower()}"


def due(job: Job, now: datetime) -> Sequence[Callback]:
    """Those to be called now."""
    return [callback for callback in job.callbacks if _is_due(callback, now)]


def begin(job: Job, now: datetime) -> Job:
    """What is due taken for one attempt, or failed when there were enough of them."""
    return _each(job, lambda callback: _begin(callback, now) if _is_due(callback, now) else callback)


def begun(job: Job, then: Job) -> Sequence[Callback]:
    """The attempts that `then` has and `job` had not."""
    return [after for before, after in zip(job.callbacks, then.callbacks, strict=True) if after.attempts > before.attempts]


def wait(job: Job, now: datetime) -> Job:
    """What is due put off for as long as the job's end is past, but neither too short nor too long: nobody can call just now."""
    since_s = (now - (job.finished_at or now)).total_seconds()
    next_at = now + timedelta(seconds=min(max(REPUBLISH_AFTER_S, since_s), LONGEST_REPUBLISH_S))
    return _each(job, lambda callback: replace(callback, next_at=next_at) if _is_due(callback, now) else callback)


def settle(job: Job, answers: Sequence[tuple[Callback, Answer]], now: datetime) -> Job:
    """The job with what came of these attempts; an attempt that somebody has followed by another one since counts no more."""
    came = {attempt.webhook_id: (attempt, answer) for attempt, answer in answers}

    def step(callback: Callback) -> Callback:
        attempt, answer = came.get(callback.webhook_id, (None, None))
        return callback if answer is None or attempt != callback else _settle(callback, answer, now)

    return _each(job, step)


def resend(job: Job, webhook_id: str, now: datetime) -> Job:
    """The delivery to the webhook due once more, with all its attempts."""

    def step(callback: Callback) -> Callback:
        again = callback.webhook_id == webhook_id
        return replace(callback, state=CallbackState.PENDING, attempts=0, next_at=now) if again else callback

    return _each(job, step)


def _is_due(callback: Callback, now: datetime) -> bool:
    return callback.next_at is not None and callback.next_at <= now


def _begin(callback: Callback, now: datetime) -> Callback:
    if callback.attempts > len(WAITS_S):
        return replace(callback, state=CallbackState.FAILED, next_at=None)
    return replace(callback, attempts=callback.attempts + 1, next_at=now + timedelta(seconds=LEASE_S), last_at=now)


def _settle(attempt: Callback, answer: Answer, now: datetime) -> Callback:
    callback = replace(attempt, last_status=answer.status, last_error=answer.error, next_at=None)
    if answer.error is None:
        return replace(callback, state=CallbackState.DELIVERED)
    if answer.last or answer.status == HTTPStatus.GONE:
        return replace(callback, state=CallbackState.DISABLED)
    if callback.attempts > len(WAITS_S):
        return replace(callback, state=CallbackState.FAILED)
    wait_s = WAITS_S[callback.attempts - 1] * random.uniform(1, 1 + JITTER)  # noqa: S311 - spreading load is no secret
    asked_s = min(answer.retry_after_s, LONGEST_RETRY_AFTER_S)
    return replace(callback, next_at=now + timedelta(seconds=max(wait_s, asked_s)))


def _each(job: Job, step: Callable[[Callback], Callback]) -> Job:
    callback = None if job.callback is None else step(job.callback)
    return look_again(replace(job, callback=callback, deliveries=tuple(map(step, job.deliveries))))
