"""A job's way through a worker, with the embedded stores and real children."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from krai import transitions
from krai.claim import Terms
from krai.execute import Execution, backoff_s
from krai.job import Job, Kind, Outcome, Stage, Status, format_time, new_id
from krai.ports import Stores
from krai.sweep import Retention, sweep, sweep_uploads
from krai.verdict import Ack, Bury, Delay
from krai.worker.loop import Worker
from krai.worker.pool import ChildPool
from tests.acceptance.waiting import until as until_true
from tests.queues import buried, waiting

TERMS = Terms(lease_s=4, heartbeat_s=1, backoff_s=0.2, keep_files_s=60)
RETENTION = Retention(files_s=60, jobs_s=600)


async def accepted(stores: Stores, act: str, **values: object) -> Job:
    job = transitions.new(Kind.DROP, act, {"snapshot_id": "1"}, created_by="me", now=stores.jobs.now(), **values)  # type: ignore[arg-type]
    await stores.jobs.create(job)
    return await read(stores, job)


async def read(stores: Stores, job: Job) -> Job:
    stored = await stores.jobs.get(job.job_id)
    assert stored is not None
    return stored


async def until(stores: Stores, job: Job, status: Status, *, within_s: float = 10) -> Job:
    async with asyncio.timeout(within_s):
        now = await read(stores, job)
        while now.status is not status:
            changed = await stores.jobs.wait(job.job_id, now.revision, within_s)
            assert changed is not None
            now = changed
    return now


@pytest.fixture
def execution(stores: Stores, pool: ChildPool) -> Execution:
    return Execution(stores, pool, TERMS, owner="me")


@asynccontextmanager
async def a_worker(execution: Execution, *, grace_s: float = 5) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    worker = Worker(
        queue=execution.stores.queue,
        execution=execution,
        retention=RETENTION,
        slots=1,
        message_lease_s=5,
        sweep_s=0.3,
        grace_s=grace_s,
    )
    task = asyncio.create_task(worker.run(stop))
    yield stop
    stop.set()
    await task


async def test_a_job_that_works_is_completed_and_acked(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "fine")
    assert await execution.run(job.job_id) == Ack()
    done = await read(stores, job)
    assert (done.status, done.attempt, done.epoch, done.progress.stage) == (Status.COMPLETED, 1, 1, Stage.DONE)


async def test_the_message_of_a_finished_job_is_acked_and_changes_nothing(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "fine")
    await execution.run(job.job_id)
    done = await read(stores, job)
    assert await execution.run(job.job_id) == Ack()
    assert await read(stores, job) == done


async def test_a_message_of_no_job_is_buried(execution: Execution) -> None:
    assert await execution.run(new_id()) == Bury("unknown_message")
    assert await execution.run(None) == Bury("unknown_message")


async def test_a_job_under_a_live_lease_is_left_alone(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "fine")
    held = await stores.jobs.swap(job, transitions.claim(job, "other", stores.jobs.now(), 30))
    verdict = await execution.run(job.job_id)
    assert isinstance(verdict, Delay)
    assert verdict.seconds == pytest.approx(30, abs=2)
    assert await read(stores, job) == held


async def test_a_terminal_failure_ends_the_job_with_its_reason(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "terminal")
    assert await execution.run(job.job_id) == Ack()
    failed = await read(stores, job)
    assert failed.status is Status.FAILED
    assert failed.error is not None
    assert (failed.error["code"], failed.error["detail"]) == ("corrupt_file", "byte 17")
    assert failed.result is None


async def test_what_a_failure_leaves_to_be_read_is_kept_with_the_job(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "hopeless")
    assert await execution.run(job.job_id) == Ack()
    failed = await read(stores, job)
    assert (failed.status, failed.result) == (Status.FAILED, {"rejects": {"records": 1}})


async def test_a_transient_failure_is_tried_again_until_the_attempts_are_spent(
    stores: Stores, execution: Execution, tmp_path: Path
) -> None:
    job = await accepted(stores, "busy", max_attempts=2)
    await stores.queue.publish(job)
    async with a_worker(execution):
        failed = await until(stores, job, Status.FAILED)
    assert failed.attempt == 2
    assert failed.error is not None
    assert failed.error["code"] == "attempts_spent"
    assert [(tried.number, tried.worker, tried.outcome, tried.code) for tried in failed.tries] == [
        (1, "me", Outcome.FAILED, "store_busy"),
        (2, "me", Outcome.FAILED, "store_busy"),
    ]
    assert waiting(tmp_path) == 0


async def test_a_file_that_kills_its_reader_three_times_is_given_up(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "abort")
    await stores.queue.publish(job)
    async with a_worker(execution):
        failed = await until(stores, job, Status.FAILED)
    assert failed.attempt == 3
    assert failed.error is not None
    assert failed.error["code"] == "parser_crashed"


async def test_a_running_job_is_cancelled_within_seconds(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    job = await accepted(stores, "slow")
    await stores.queue.publish(job)
    async with a_worker(execution):
        running = await until(stores, job, Status.PROCESSING)
        await stores.jobs.swap(running, transitions.ask_cancel(running, stores.jobs.now()))
        await until(stores, job, Status.CANCELLED, within_s=5)
    assert waiting(tmp_path) == 0


async def test_a_worker_that_stops_finishes_what_fits_in_its_grace(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "blink")
    await stores.queue.publish(job)
    async with a_worker(execution) as stop:
        await until(stores, job, Status.PROCESSING)
        stop.set()
    assert (await read(stores, job)).status is Status.COMPLETED


async def test_a_worker_that_stops_hands_back_what_does_not(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "slow")
    await stores.queue.publish(job)
    async with a_worker(execution, grace_s=0.1) as stop:
        await until(stores, job, Status.PROCESSING)
        stop.set()
    back = await read(stores, job)
    assert (back.status, back.attempt, back.epoch) == (Status.PENDING, 0, 1)
    assert [delivery.job_id for delivery in await stores.queue.pull(1, wait_s=2, lease_s=5)] == [job.job_id]


async def test_a_worker_whose_job_was_taken_over_writes_nothing(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "blink")
    running = asyncio.create_task(execution.run(job.job_id))
    mine = await until(stores, job, Status.PROCESSING)
    theirs = await stores.jobs.swap(mine, transitions.claim(mine, "other", stores.jobs.now(), 30))
    assert isinstance(await running, Delay)
    assert await read(stores, job) == theirs


async def test_a_job_that_waits_for_a_child_keeps_its_lease_and_gives_way_when_it_is_lost(
    stores: Stores, pool: ChildPool, execution: Execution
) -> None:
    busy = await pool.start(transitions.claim(await accepted(stores, "slow"), "other", stores.jobs.now(), 30))
    job = await accepted(stores, "fine")
    running = asyncio.create_task(execution.run(job.job_id))
    mine = await until(stores, job, Status.PROCESSING)
    renewed = await stores.jobs.wait(job.job_id, mine.revision, 5)
    assert renewed is not None
    assert renewed.lease_until is not None
    assert mine.lease_until is not None
    assert renewed.lease_until > mine.lease_until
    theirs = await stores.jobs.swap(renewed, transitions.claim(renewed, "other", stores.jobs.now(), 30))
    assert isinstance(await running, Delay)
    assert await read(stores, job) == theirs
    await busy.kill()
    assert await execution.run((await accepted(stores, "fine")).job_id) == Ack()


async def test_a_job_whose_message_was_lost_runs_all_the_same(stores: Stores, execution: Execution) -> None:
    job = await accepted(stores, "fine")
    await stores.jobs.swap(job, replace(job, due_at=stores.jobs.now()))
    async with a_worker(execution):
        await until(stores, job, Status.COMPLETED)


async def test_a_workers_sweep_empties_the_dead_letter_queue(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    unknown = transitions.new(Kind.DROP, "fine", {}, created_by="me", now=stores.jobs.now())
    await stores.queue.publish(unknown)
    async with a_worker(execution):
        await asyncio.to_thread(until_true, "both queues are empty", lambda: waiting(tmp_path) == buried(tmp_path) == 0, within_s=10)


async def test_two_sweeps_publish_a_lost_job_once(stores: Stores, tmp_path: Path) -> None:
    job = await accepted(stores, "fine")
    await stores.jobs.swap(job, replace(job, due_at=stores.jobs.now()))
    await asyncio.gather(*(sweep(stores, RETENTION) for _ in range(8)))
    assert waiting(tmp_path) == 1


async def test_a_worker_that_waits_for_messages_finds_the_job_that_has_none(
    stores: Stores, execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krai.worker.loop.BACKLOG_S", 1.0)
    async with a_worker(execution):
        await asyncio.sleep(2)  # its pull, which is under way, has waited for longer than that
        job = await accepted(stores, "fine")
        await stores.jobs.swap(job, replace(job, due_at=stores.jobs.now()))
        await until(stores, job, Status.COMPLETED, within_s=3)


async def test_a_job_whose_workers_all_died_fails_in_the_end(stores: Stores) -> None:
    job = await accepted(stores, "fine", max_attempts=1)
    await stores.jobs.swap(job, transitions.claim(job, "dead", stores.jobs.now() - timedelta(seconds=60), 30))
    await sweep(stores, RETENTION)
    failed = await read(stores, job)
    assert failed.error is not None
    assert failed.error["code"] == "attempts_spent"
    assert [(tried.worker, tried.outcome) for tried in failed.tries] == [("dead", Outcome.LOST)]


async def test_a_job_in_a_long_queue_is_not_published_again_before_it_has_waited_for_a_minute(stores: Stores, tmp_path: Path) -> None:
    new, old = await accepted(stores, "fine"), await accepted(stores, "fine")
    now = stores.jobs.now()
    for job, age_s in ((new, 40), (old, 70)):
        await stores.jobs.swap(job, replace(job, updated_at=now - timedelta(seconds=age_s), due_at=now))
    await sweep(stores, RETENTION, backlog=True)
    assert waiting(tmp_path) == 1
    for job in (new, old):
        due_at = (await read(stores, job)).due_at
        assert due_at is not None
        assert due_at > now + timedelta(seconds=20), "whoever sweeps next has others to look at"


async def test_a_cancel_that_no_worker_saw_is_done_by_the_sweep(stores: Stores) -> None:
    job = await accepted(stores, "fine")
    held = await stores.jobs.swap(job, transitions.claim(job, "dead", stores.jobs.now() - timedelta(seconds=60), 30))
    await stores.jobs.swap(held, transitions.ask_cancel(held, stores.jobs.now()))
    await sweep(stores, RETENTION)
    cancelled = await read(stores, job)
    assert (cancelled.status, cancelled.tries[-1].outcome) == (Status.CANCELLED, Outcome.LOST)


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
async def test_parts_of_an_import_that_its_worker_did_not_live_to_end_are_removed(
    stores: Stores, execution: Execution, tmp_path: Path, ended: str
) -> None:
    job = transitions.new(Kind.IMPORT, "left", {}, created_by="me", now=stores.jobs.now(), max_attempts=1)
    await stores.jobs.create(job)
    held = transitions.claim(await read(stores, job), "dead", stores.jobs.now() - timedelta(seconds=60), 30)
    held = await stores.jobs.swap(await read(stores, job), held)
    if ended == "cancelled":
        await stores.jobs.swap(held, transitions.ask_cancel(held, stores.jobs.now()))
    async with a_worker(execution):
        finished = await until(stores, job, Status(ended.upper()))
        discarded = tmp_path / f"swept-left-{job.job_id}"
        await asyncio.to_thread(until_true, "the parts are gone", discarded.exists, within_s=10)
        changed = await stores.jobs.wait(job.job_id, (await read(stores, job)).revision, 1)
    assert changed is not None
    assert (changed.status, changed.finished_at, changed.due_at) == (finished.status, finished.finished_at, changed.expires_at)


async def test_parts_that_nobody_may_remove_wait_for_a_worker(stores: Stores) -> None:
    job = transitions.new(Kind.IMPORT, "left", {}, created_by="me", now=stores.jobs.now())
    await stores.jobs.create(job)
    held = await stores.jobs.swap(await read(stores, job), transitions.claim(await read(stores, job), "dead", stores.jobs.now(), 30))
    await stores.jobs.swap(held, transitions.cancel(held, stores.jobs.now(), keep_s=60))
    assert await sweep(stores, RETENTION) == 1
    left = await read(stores, job)
    assert left.due_at is not None
    assert stores.jobs.now() < left.due_at < stores.jobs.now() + timedelta(seconds=60)
    assert await sweep(stores, RETENTION) == 0


async def test_files_and_then_the_job_are_deleted_in_their_time(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    job = await accepted(stores, "fine")
    await execution.run(job.job_id)
    source = tmp_path / "result.csv"
    source.write_text("id\n1\n")
    await asyncio.to_thread(stores.blobs.put, f"jobs/{job.job_id}/e1/result.csv", source)
    done = await read(stores, job)
    done = await stores.jobs.swap(done, replace(done, due_at=stores.jobs.now()))
    await sweep(stores, RETENTION)
    assert list(stores.blobs.list(f"jobs/{job.job_id}/")) == []
    kept = await read(stores, job)
    assert kept.status is Status.COMPLETED
    long_ago = stores.jobs.now() - timedelta(seconds=RETENTION.jobs_s)
    await stores.jobs.swap(kept, replace(kept, finished_at=long_ago, due_at=long_ago))
    await sweep(stores, RETENTION)
    assert await stores.jobs.get(job.job_id) is None


async def test_uploads_are_deleted_a_day_after_their_session(stores: Stores, tmp_path: Path) -> None:
    for name, days in (("old", 2), ("new", 0)):
        source = tmp_path / name
        source.write_text("id\n1\n")
        await asyncio.to_thread(stores.blobs.put, f"uploads/{name}", source)
        expires_at = format_time(stores.jobs.now() - timedelta(days=days))
        await stores.directory.put("uploads", name, {"owner": "me", "expires_at": expires_at})
    assert await sweep_uploads(stores) == 1
    assert [blob.path for blob in stores.blobs.list("uploads/")] == ["uploads/new"]
    assert [name for name, _ in await stores.directory.list("uploads")] == ["new"]


@pytest.mark.parametrize("attempt", [1, 2, 5, 50])
def test_the_back_off_doubles_up_to_five_minutes_and_is_at_least_half_sure(attempt: int) -> None:
    full = min(300, 2 * 2 ** (attempt - 1))
    draws = [backoff_s(attempt, 2) for _ in range(100)]
    assert full / 2 <= min(draws) <= max(draws) <= full
    assert max(draws) - min(draws) > full / 10
