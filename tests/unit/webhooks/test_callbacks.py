"""What may become of a callback, with a clock of the test's own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from krai import transitions
from krai.errors import PROBLEMS, Terminal
from krai.job import Callback, CallbackState, Job, Kind, Progress
from krai.webhooks import callbacks, endings
from krai.webhooks.callbacks import Answer
from krai.webhooks.courier import DISABLED
from krai.webhooks.registered import Event, Reach, Webhook

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
KEEP_S = 86_400.0
FAILURE = Answer(status=500, error="webhook_http_error")


def a_job(kind: Kind = Kind.EXPORT) -> Job:
    callback = Callback(url="https://hooks.example.org/a?b=c", base_url="https://krai.example.org")
    return transitions.new(kind, "users", {}, created_by="ada", now=NOW, callback=callback)


def ended(kind: Kind = Kind.EXPORT) -> Job:
    claimed = transitions.claim(a_job(kind), "worker", NOW, 30)
    return transitions.complete(claimed, {}, Progress(), NOW, keep_s=KEEP_S)


def of(job: Job) -> Callback:
    assert job.callback is not None
    return job.callback


def attempted(job: Job, began_at: datetime, answer: Answer, ended_at: datetime) -> Job:
    begun = callbacks.begin(job, began_at)
    return callbacks.settle(begun, [(of(begun), answer)], ended_at)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("end", ["complete", "fail", "cancel", "cancel while it waits"])
def test_a_callback_is_due_from_the_write_that_ends_its_job(end: str) -> None:
    waiting = a_job()
    running = transitions.claim(waiting, "worker", NOW, 30)
    assert not any(callbacks.due(job, at(1000)) for job in (waiting, running))
    job = {
        "complete": transitions.complete(running, {}, Progress(), NOW, keep_s=KEEP_S),
        "fail": transitions.fail(running, Terminal("corrupt_file"), NOW, keep_s=KEEP_S),
        "cancel": transitions.cancel(running, NOW, keep_s=KEEP_S),
        "cancel while it waits": transitions.cancel(waiting, NOW, keep_s=KEEP_S),
    }[end]
    assert callbacks.due(job, NOW)
    assert job.due_at == NOW
    assert Job.from_doc(job.to_doc()) == job


def test_who_begins_has_it_for_a_minute() -> None:
    job = callbacks.begin(ended(), NOW)
    assert (of(job).attempts, of(job).state) == (1, CallbackState.PENDING)
    assert not callbacks.due(job, at(59))
    assert callbacks.due(job, at(60))
    assert job.due_at == at(60)


def test_a_failed_attempt_comes_again_for_three_days_as_the_standard_proposes() -> None:
    job, now, waits = ended(), NOW, []
    while of(job).state is CallbackState.PENDING:
        job = attempted(job, now, FAILURE, now)
        if (next_at := of(job).next_at) is not None:
            waits.append((next_at - now).total_seconds())
            now = next_at
    assert len(waits) == len(callbacks.WAITS_S) == 9
    assert all(least <= wait <= 1.2 * least for least, wait in zip(callbacks.WAITS_S, waits, strict=True))
    assert (of(job).state, of(job).attempts, of(job).last_status) == (CallbackState.FAILED, 10, 500)
    assert job.due_at == job.expires_at


def test_waits_differ() -> None:
    draws = {of(attempted(ended(), NOW, FAILURE, NOW)).next_at for _ in range(20)}
    assert len(draws) > 10


def test_attempts_that_nobody_lived_to_settle_are_spent_too() -> None:
    job = ended()
    for number in range(10):
        job = callbacks.begin(job, at(60 * number))
    assert of(job).attempts == 10
    over = callbacks.begin(job, at(600))
    assert (of(over).state, of(over).attempts, of(over).next_at) == (CallbackState.FAILED, 10, None)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Answer(status=200), CallbackState.DELIVERED),
        (Answer(status=204), CallbackState.DELIVERED),
        (Answer(status=410, error="webhook_http_error"), CallbackState.DISABLED),
    ],
)
def test_some_answers_are_the_last(answer: Answer, state: CallbackState) -> None:
    job = attempted(ended(), NOW, answer, NOW)
    assert (of(job).state, of(job).last_status, of(job).last_error, of(job).next_at) == (state, answer.status, answer.error, None)
    assert job.due_at == job.expires_at


@pytest.mark.parametrize(("asked_s", "least_s", "most_s"), [(0, 5, 6), (3, 5, 6), (3600, 3600, 3600), (1e9, 86_400, 86_400)])
def test_a_receiver_is_left_alone_for_as_long_as_it_asks_but_not_for_ever(asked_s: float, least_s: float, most_s: float) -> None:
    answer = Answer(status=503, error="webhook_http_error", retry_after_s=asked_s)
    next_at = of(attempted(ended(), NOW, answer, NOW)).next_at
    assert next_at is not None
    assert least_s <= (next_at - NOW).total_seconds() <= most_s


@pytest.mark.parametrize(("since_s", "wait_s"), [(0, 30), (45, 45), (86_400, 600)])
def test_what_nobody_has_time_for_waits_and_spends_no_attempt(since_s: float, wait_s: float) -> None:
    job = callbacks.wait(ended(), at(since_s))
    assert (of(job).attempts, of(job).next_at) == (0, at(since_s + wait_s))


def test_the_earliest_of_all_there_is_to_do_makes_a_job_due() -> None:
    failed = transitions.fail(transitions.claim(a_job(Kind.IMPORT), "worker", NOW, 30), Terminal("corrupt_file"), NOW, keep_s=KEEP_S)
    assert failed.parts_at == failed.due_at == NOW
    begun = callbacks.begin(failed, NOW)
    assert begun.due_at == NOW, "the parts"
    told = callbacks.settle(begun, [(of(begun), Answer(status=200))], NOW)
    assert told.due_at == NOW
    late = attempted(ended(), NOW, Answer(status=503, error="webhook_http_error", retry_after_s=KEEP_S), NOW)
    assert late.due_at == late.expires_at == of(late).next_at
    gone = transitions.forget_files(late, at(KEEP_S), keep_s=30 * KEEP_S)
    assert gone.due_at == of(gone).next_at, "before the job itself goes"


def test_every_reason_can_be_looked_up() -> None:
    for code in ("webhook_blocked", "webhook_timeout", "webhook_unreachable", "webhook_redirect", "webhook_http_error"):
        assert code in PROBLEMS


# -- registered webhooks ----------------------------------------------------------------------------------------------------------


def a_webhook(name: str, **fields: Any) -> Webhook:
    given: dict[str, Any] = {
        "webhook_id": name,
        "owner": "ada",
        "email": None,
        "url": "https://hooks.example.org/",
        "base_url": "https://krai.example.org",
        "events": tuple(Event),
        "datasets": (),
        "description": "",
        "scope": Reach.OWN,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return Webhook(**{**given, **fields})


def states(job: Job) -> list[tuple[str | None, CallbackState, int]]:
    return [(callback.webhook_id, callback.state, callback.attempts) for callback in job.callbacks]


def test_who_wants_to_hear_of_an_end_is_due_from_its_very_write() -> None:
    webhooks = [
        a_webhook("all"),
        a_webhook("failures", events=(Event.FAILED,)),
        a_webhook("completions of users", events=(Event.COMPLETED,), datasets=("users", "orders")),
        a_webhook("of another dataset", datasets=("orders",)),
        a_webhook("disabled").disabled(None, NOW),
    ]
    job = endings.told(ended(), webhooks)
    assert [callback.webhook_id for callback in callbacks.due(job, NOW)] == [None, "all", "completions of users"]
    assert job.due_at == NOW
    assert Job.from_doc(job.to_doc()) == job
    failed = transitions.fail(transitions.claim(a_job(), "worker", NOW, 30), Terminal("corrupt_file"), NOW, keep_s=KEEP_S)
    assert [callback.webhook_id for callback in callbacks.due(endings.told(failed, webhooks), NOW)] == [None, "all", "failures"]


def test_each_receiver_has_attempts_of_its_own() -> None:
    job = endings.told(ended(), [a_webhook("a"), a_webhook("b")])
    begun = callbacks.begin(job, NOW)
    own, a, b = callbacks.begun(job, begun)
    assert callbacks.begun(begun, callbacks.begin(begun, at(59))) == []
    job = callbacks.settle(begun, [(own, Answer(status=200)), (a, FAILURE)], at(1))
    assert states(job) == [(None, CallbackState.DELIVERED, 1), ("a", CallbackState.PENDING, 1), ("b", CallbackState.PENDING, 1)]
    job = callbacks.begin(job, at(20))
    assert states(job)[1:] == [("a", CallbackState.PENDING, 2), ("b", CallbackState.PENDING, 1)]
    job = callbacks.settle(job, [(a, Answer(status=200)), (b, DISABLED)], at(21))
    assert states(job)[1:] == [("a", CallbackState.PENDING, 2), ("b", CallbackState.DISABLED, 1)], "an attempt that is over counts no more"
    assert callbacks.settle(job, [(b, Answer(status=200))], at(22)) == job


def test_what_is_sent_again_has_all_its_attempts() -> None:
    job = endings.told(ended(), [a_webhook("a"), a_webhook("b")])
    begun = callbacks.begin(job, NOW)
    told = callbacks.settle(begun, [(one, Answer(status=200)) for one in begun.callbacks], NOW)
    assert told.due_at == told.expires_at
    again = callbacks.resend(told, "b", at(5))
    assert [callback.webhook_id for callback in callbacks.due(again, at(5))] == ["b"]
    assert states(again)[2] == ("b", CallbackState.PENDING, 0)
    assert again.due_at == at(5)


def test_a_deleted_job_is_told_of_no_more() -> None:
    assert transitions.delete(endings.told(ended(), [a_webhook("a")]), NOW).callbacks == ()
