"""The job's transitions: what no sequence of them can ever do."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from krai import transitions
from krai.errors import Terminal, Transient
from krai.job import FINISHED, Callback, Job, Kind, Outcome, Progress, Stage, Status, Tried, format_time, parse_time

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LEASE_S = 30


def a_job(**values: object) -> Job:
    return transitions.new(Kind.EXPORT, "users", {"format": "csv"}, created_by="me", now=NOW, **values)  # type: ignore[arg-type]


class JobLife(RuleBasedStateMachine):
    """Whatever happens to a job, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.job = a_job(callback=Callback(url="https://hooks.example.org", base_url="https://krai.example.org"))
        self.epochs = [0]
        self.ended_as: Job | None = None
        self.claims = 0

    def become(self, job: Job) -> None:
        self.job = job
        self.epochs.append(job.epoch)
        if self.ended_as is None and job.finished:
            self.ended_as = job

    @rule(seconds=st.floats(0, 100))
    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: transitions.claimable(self.job, self.now))
    @rule()
    def claim(self) -> None:
        self.become(transitions.claim(self.job, "worker", self.now, LEASE_S))
        self.claims += 1

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule(percent=st.integers(0, 99))
    def beat(self, percent: int) -> None:
        self.become(transitions.beat(self.job, self.now, LEASE_S, Progress(stage=Stage.READING, percent=percent)))

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule()
    def complete(self) -> None:
        self.become(transitions.complete(self.job, {"records": 1}, Progress(percent=50), self.now, keep_s=60))

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule()
    def fail(self) -> None:
        self.become(transitions.fail(self.job, Terminal("corrupt_file"), self.now, keep_s=60))

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule()
    def postpone(self) -> None:
        self.become(transitions.postpone(self.job, Transient("store_busy"), self.now, delay_s=5))

    @precondition(lambda self: self.job.status is Status.PROCESSING)
    @rule()
    def hand_back(self) -> None:
        self.become(transitions.hand_back(self.job, self.now))

    @precondition(lambda self: not self.job.finished)
    @rule()
    def cancel(self) -> None:
        self.become(transitions.cancel(self.job, self.now, keep_s=60))

    @invariant()
    def the_epoch_only_grows(self) -> None:
        assert self.epochs == sorted(self.epochs)

    @invariant()
    def nothing_claims_a_finished_job(self) -> None:
        if self.job.finished:
            assert not transitions.claimable(self.job, self.now + timedelta(days=365))

    @invariant()
    def somebody_looks_at_it_again(self) -> None:
        assert self.job.due_at is not None

    @invariant()
    def a_lease_is_held_only_while_it_runs(self) -> None:
        assert (self.job.lease_owner is not None) == (self.job.status is Status.PROCESSING)

    @invariant()
    def every_attempt_is_remembered_and_only_the_last_may_be_under_way(self) -> None:
        tries = self.job.tries
        assert len(tries) == min(self.claims, transitions.MOST_TRIES)
        assert all(tried.outcome is not None for tried in tries[:-1])
        assert all((tried.outcome is None) == (tried.ended_at is None) for tried in tries)
        if tries:
            assert (tries[-1].outcome is None) == (self.job.status is Status.PROCESSING)
            assert tries[-1].number == self.job.attempt or tries[-1].outcome is Outcome.HANDED_BACK

    @invariant()
    def all_percent_means_completed(self) -> None:
        assert (self.job.progress.percent == 100) == (self.job.status is Status.COMPLETED)

    @invariant()
    def its_receiver_is_told_when_it_has_ended(self) -> None:
        assert self.job.callback is not None
        assert self.job.callback.next_at == self.job.finished_at
        if self.job.finished:
            assert self.job.due_at == self.job.finished_at

    @invariant()
    def it_survives_being_stored(self) -> None:
        assert Job.from_doc(self.job.to_doc()) == self.job


TestJobLife = JobLife.TestCase


def test_a_claimed_job_is_nobody_elses_until_its_lease_has_run_out() -> None:
    job = transitions.claim(a_job(), "one", NOW, LEASE_S)
    assert not transitions.claimable(job, NOW + timedelta(seconds=LEASE_S - 1))
    assert transitions.claimable(job, NOW + timedelta(seconds=LEASE_S))


def test_a_postponed_job_waits_for_its_back_off() -> None:
    job = transitions.postpone(transitions.claim(a_job(), "one", NOW, LEASE_S), Transient("store_busy"), NOW, delay_s=5)
    assert not transitions.claimable(job, NOW + timedelta(seconds=4))
    assert transitions.claimable(job, NOW + timedelta(seconds=5))


def test_a_job_that_is_handed_back_has_spent_no_attempt() -> None:
    job = transitions.claim(a_job(), "one", NOW, LEASE_S)
    back = transitions.hand_back(job, NOW)
    assert (back.attempt, back.epoch, back.status) == (0, 1, Status.PENDING)


def test_each_attempt_is_remembered_with_its_worker_its_end_and_why_it_ended() -> None:
    def at(seconds: float) -> datetime:
        return NOW + timedelta(seconds=seconds)

    job = transitions.claim(a_job(), "a/1", NOW, LEASE_S)
    job = transitions.hand_back(transitions.beat(job, at(1), LEASE_S, Progress(stage=Stage.READING, records_processed=7)), at(2))
    job = transitions.postpone(transitions.claim(job, "b/1", at(3), LEASE_S), Transient("store_busy"), at(4), delay_s=5)
    job = transitions.claim(job, "c/1", at(10), LEASE_S)
    job = transitions.claim(job, "d/1", at(50), LEASE_S)
    job = transitions.complete(job, {}, Progress(records_processed=9), at(60), keep_s=60)
    assert job.tries == (
        Tried(number=1, worker="a", started_at=NOW, ended_at=at(2), outcome=Outcome.HANDED_BACK, stage=Stage.READING, records_processed=7),
        Tried(number=1, worker="b", started_at=at(3), ended_at=at(4), outcome=Outcome.FAILED, code="store_busy"),
        Tried(number=2, worker="c", started_at=at(10), ended_at=at(10 + LEASE_S), outcome=Outcome.LOST),
        Tried(number=3, worker="d", started_at=at(50), ended_at=at(60), outcome=Outcome.COMPLETED, stage=Stage.DONE, records_processed=9),
    )


def test_an_attempt_that_was_the_last_tells_its_own_reason_and_not_that_there_were_enough() -> None:
    job, cause = transitions.claim(a_job(max_attempts=1), "one", NOW, LEASE_S), Transient("store_busy")
    final = transitions.give_up(job, cause)
    assert final is not None
    failed = transitions.fail(job, final, NOW, keep_s=60, cause=cause)
    assert failed.error is not None
    assert (failed.error["code"], failed.tries[-1].code) == ("attempts_spent", "store_busy")


def test_a_job_whose_attempt_began_before_attempts_were_remembered_ends_without_one() -> None:
    doc = transitions.claim(a_job(), "one", NOW, LEASE_S).to_doc()
    del doc["tries"], doc["progress"]["phases"]
    job = Job.from_doc(doc)
    assert transitions.complete(job, {}, Progress(), NOW, keep_s=60).tries == ()


@pytest.mark.parametrize(
    ("last", "code", "detail"),
    [
        (Transient("store_busy", "no room"), "attempts_spent", "Attempt 1 of 1 ended with store_busy: no room"),
        (Transient("source_unreachable", "No route."), "source_unreachable", "No route. That was attempt 1, the last one."),
    ],
)
def test_attempts_end_and_the_last_reason_stays(last: Transient, code: str, detail: str) -> None:
    job = transitions.claim(a_job(max_attempts=1), "one", NOW, LEASE_S)
    final = transitions.give_up(job, last)
    assert isinstance(final, Terminal)
    assert (final.code, final.detail) == (code, detail)


def test_a_job_that_may_have_committed_is_looked_up_before_it_fails() -> None:
    job = transitions.claim(a_job(max_attempts=1), "one", NOW, LEASE_S)
    committing = transitions.allow_commit(job, NOW, LEASE_S, Progress())
    assert transitions.attempts_spent(job)
    assert not transitions.attempts_spent(committing)


def test_a_job_that_nobody_takes_is_published_again_less_and_less_often() -> None:
    job = a_job()
    waits = []
    for _ in range(7):
        assert job.due_at is not None
        now = job.due_at
        job = transitions.republish(job, now)
        assert job.due_at is not None
        waits.append((job.due_at - now).total_seconds())
    assert waits == [30, 60, 120, 240, 480, 600, 600]


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 1, 1)))  # noqa: DTZ001 - the zone is added below
def test_times_sort_as_text(moment: datetime) -> None:
    text = format_time(moment.replace(tzinfo=UTC))
    assert parse_time(text) == moment.replace(tzinfo=UTC)
    assert len(text) == len("2026-01-31T12:00:00.000000Z")


@pytest.mark.parametrize("status", sorted(FINISHED))
def test_a_finished_status_is_known_as_such(status: Status) -> None:
    assert Job.from_doc({**a_job().to_doc(), "status": status.value}).finished
