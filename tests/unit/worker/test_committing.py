"""A job that may have committed ends by what stands in its dataset, however its attempt ends; real children, tables and stores."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from krai import submit, transitions
from krai.claim import Terms
from krai.execute import Execution
from krai.job import Job, Kind, Progress, Status
from krai.ports import Stores
from krai.sweep import Retention, sweep
from krai.verdict import Ack, Delay
from krai.warehouse.iceberg import open_local
from krai.worker.pool import ChildPool, ChildTerms
from tests.acceptance.waiting import until
from tests.contract.importing import load

TERMS = Terms(lease_s=4, heartbeat_s=1, backoff_s=0.05, keep_files_s=60)
CRASHES = transitions.CRASHES_ALLOWED


@pytest.fixture
async def execution(stores: Stores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Execution]:
    monkeypatch.setattr("krai.execute.LATE_WRITES_S", 0.05)
    terms = ChildTerms(
        build="tests.unit.worker.committing:build",
        build_args=(str(tmp_path),),
        spool=tmp_path / "spool",
        memory_bytes=400 << 20,
        job_timeout_s=4,  # time enough for a commit on a busy machine
    )
    pool = ChildPool(terms, size=1)
    await pool.open()
    yield Execution(stores, pool, TERMS, owner="me")
    await pool.close()


async def accepted(stores: Stores, tmp_path: Path, dataset: str, *, max_attempts: int = 5, crashes: int = 0) -> Job:
    (tmp_path / "file").write_bytes(b"id\n1\n2\n")
    blob = stores.blobs.put(f"uploads/{dataset}", tmp_path / "file")
    source = {"path": blob.path, "generation": blob.generation}
    job = transitions.new(Kind.IMPORT, dataset, {}, created_by="me", now=stores.jobs.now(), source=source, max_attempts=max_attempts)
    await stores.jobs.create(replace(job, crashes=crashes))
    return await read(stores, job)


async def read(stores: Stores, job: Job) -> Job:
    stored = await stores.jobs.get(job.job_id)
    assert stored is not None
    return stored


def rows(tmp_path: Path, dataset: str) -> int:
    found = open_local(tmp_path / "warehouse").describe(dataset)
    return 0 if found is None else found.rows


async def has_committed(tmp_path: Path, dataset: str) -> None:
    await asyncio.to_thread(until, "the commit has taken effect", lambda: rows(tmp_path, dataset), within_s=5)


async def is_completed(stores: Stores, job: Job, tmp_path: Path, *, attempt: int = 1) -> None:
    done = await read(stores, job)
    assert (done.status, done.attempt, done.error) == (Status.COMPLETED, attempt, None)
    assert done.result is not None
    assert (done.result["records_processed"], done.result["records_inserted"]) == (2, 2)
    assert rows(tmp_path, job.dataset) == 2
    dataset = await stores.jobs.get_dataset(job.dataset)
    assert dataset is not None
    assert dataset.rows == 2


@pytest.mark.parametrize(
    ("act", "code"),
    [
        ("slow", "job_timeout"),
        ("abort", "parser_crashed"),
        ("disk_full", "disk_full"),
        ("busy", "attempts_spent"),
    ],
)
async def test_a_job_is_failed_only_when_its_commit_did_not_take_place(
    stores: Stores, execution: Execution, tmp_path: Path, act: str, code: str
) -> None:
    last = {"max_attempts": 1, "crashes": CRASHES}
    job = await accepted(stores, tmp_path, act, **last)
    assert await execution.run(job.job_id) == Ack()
    await is_completed(stores, job, tmp_path)
    without = await accepted(stores, tmp_path, f"before_{act}", **last)
    assert await execution.run(without.job_id) == Ack()
    failed = await read(stores, without)
    assert failed.error is not None
    assert (failed.status, failed.error["code"], failed.attempt) == (Status.FAILED, code, 1)
    assert rows(tmp_path, without.dataset) == 0
    assert list((tmp_path / "warehouse").rglob(f"{without.job_id}/e1/part-00000.parquet")), "a commit that comes late finds its files"


async def test_a_look_up_without_an_answer_is_made_again(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    """Beyond the last attempt too, and then nothing but the look-up is done."""
    job = await accepted(stores, tmp_path, "slow", max_attempts=1)
    running = asyncio.create_task(execution.run(job.job_id))
    await has_committed(tmp_path, "slow")
    (tmp_path / "silent").touch()
    assert isinstance(await running, Delay)
    waiting = await read(stores, job)
    assert waiting.error is not None
    assert (waiting.status, waiting.error["code"]) == (Status.PENDING, "store_busy")
    await asyncio.sleep(0.1)
    assert isinstance(await execution.run(job.job_id), Delay)
    (tmp_path / "silent").unlink()
    await asyncio.sleep(0.3)
    assert await execution.run(job.job_id) == Ack()
    await is_completed(stores, job, tmp_path, attempt=3)


async def test_an_attempt_beyond_the_last_only_looks_the_commit_up(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    job = await may_have_committed(stores, await accepted(stores, tmp_path, "fine", max_attempts=1))
    assert await execution.run(job.job_id) == Ack()
    failed = await read(stores, job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == (Status.FAILED, "attempts_spent")
    assert rows(tmp_path, "fine") == 0


async def test_a_job_whose_look_up_nobody_answers_for_a_day_says_that_it_may_have_committed(stores: Stores, tmp_path: Path) -> None:
    job = await may_have_committed(stores, await accepted(stores, tmp_path, "fine", max_attempts=1))
    for attempt, status in ((transitions.ATTEMPTS_TO_SETTLE, Status.PROCESSING), (transitions.ATTEMPTS_TO_SETTLE + 1, Status.FAILED)):
        job = await stores.jobs.swap(job, replace(job, attempt=attempt, due_at=stores.jobs.now()))
        await sweep(stores, Retention(files_s=60, jobs_s=60))
        job = await read(stores, job)
        assert job.status is status
    assert job.error is not None
    assert "Nobody could see whether it has committed" in job.error["detail"]


@pytest.mark.parametrize("committed", [True, False])
async def test_a_cancel_of_a_job_that_may_have_committed_is_done_when_it_has_not(
    stores: Stores, execution: Execution, tmp_path: Path, *, committed: bool
) -> None:
    job = await accepted(stores, tmp_path, "slow" if committed else "before_slow")
    running = asyncio.create_task(execution.run(job.job_id))
    now = job
    while not now.may_have_committed:
        now = await stores.jobs.wait(job.job_id, now.revision, 5) or now
    if committed:
        await has_committed(tmp_path, "slow")
    await stores.jobs.swap(now, transitions.ask_cancel(now, stores.jobs.now()))
    execution.handing_back.set()
    assert await running == Delay(0)
    back = await read(stores, job)
    assert (back.status, back.attempt, back.cancel_requested) == (Status.PENDING, 0, True)
    execution.handing_back.clear()
    assert await execution.run(job.job_id) == Ack()
    if committed:
        await is_completed(stores, job, tmp_path)
    else:
        assert (await read(stores, job)).status is Status.CANCELLED
        assert rows(tmp_path, job.dataset) == 0


async def to_be_dropped(stores: Stores, tmp_path: Path, dataset: str) -> Job:
    """The accepted drop of a new dataset."""
    await stores.jobs.put_dataset(load(open_local(tmp_path / "warehouse"), dataset, "first", pa.table({"id": [1]})).dataset)
    job = await submit.drop(stores, submit.Order(dataset=dataset, created_by="me", max_attempts=5))
    await stores.jobs.create(job)
    return await read(stores, job)


async def test_a_drop_that_is_run_again_leaves_what_was_made_since(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    job = await to_be_dropped(stores, tmp_path, "abort")
    assert isinstance(await execution.run(job.job_id), Delay)
    assert rows(tmp_path, "abort") == 0
    again = load(open_local(tmp_path / "warehouse"), "abort", "second", pa.table({"id": [2, 3]})).dataset
    await stores.jobs.put_dataset(again)
    await asyncio.sleep(0.1)
    assert await execution.run(job.job_id) == Ack()
    assert (await read(stores, job)).status is Status.COMPLETED
    assert rows(tmp_path, "abort") == 2
    assert (await stores.jobs.get_dataset("abort")) is not None


async def test_a_drop_is_cancelled_before_it_takes_effect_or_not_at_all(stores: Stores, execution: Execution, tmp_path: Path) -> None:
    job = await to_be_dropped(stores, tmp_path, "blink")
    running = asyncio.create_task(execution.run(job.job_id))
    await asyncio.to_thread(until, "the dataset is gone", lambda: rows(tmp_path, "blink") == 0, within_s=5)
    now = await read(stores, job)
    await stores.jobs.swap(now, transitions.ask_cancel(now, stores.jobs.now()))
    assert await running == Ack()
    assert (await read(stores, job)).status is Status.COMPLETED
    assert await stores.jobs.get_dataset("blink") is None


async def may_have_committed(stores: Stores, job: Job) -> Job:
    """The job after an attempt whose worker has died at its commit."""
    held = await stores.jobs.swap(job, transitions.claim(job, "dead", stores.jobs.now(), 0))
    return await stores.jobs.swap(held, transitions.allow_commit(held, stores.jobs.now(), 0, Progress()))
