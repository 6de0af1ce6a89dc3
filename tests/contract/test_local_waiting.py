"""How soon the embedded backends wake who waits, and what waiting costs."""

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path
from statistics import median

import pytest

from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from tests.contract.examples import a_job, created

POLLS_S = 0.15  # one look at the other processes' writes, and the reading after it


async def _latency_s(waiting: Awaitable[object], change: Awaitable[object]) -> float:
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0.13)
    await change
    changed_at = time.perf_counter()
    await task
    return time.perf_counter() - changed_at


@pytest.mark.parametrize(("by", "within_s"), [("same", 0.03), ("another", POLLS_S)])
async def test_a_changed_job_wakes_who_waits_for_it(tmp_path: Path, by: str, within_s: float) -> None:
    mine, theirs = LocalJobStore(tmp_path / "a.sqlite"), LocalJobStore(tmp_path / "a.sqlite")
    job = await created(theirs)
    latencies_s = []
    for _ in range(5):
        latencies_s.append(await _latency_s(mine.wait(job.job_id, job.revision, 10), (mine if by == "same" else theirs).swap(job, job)))
        found = await mine.get(job.job_id)
        assert found is not None
        job = found
    assert median(latencies_s) < within_s
    await mine.close()
    await theirs.close()


@pytest.mark.parametrize(("by", "within_s"), [("same", 0.03), ("another", POLLS_S)])
async def test_a_message_wakes_who_waits_for_one(tmp_path: Path, by: str, within_s: float) -> None:
    mine, theirs = LocalJobQueue(tmp_path / "a.sqlite"), LocalJobQueue(tmp_path / "a.sqlite")
    await theirs.check()
    publisher = mine if by == "same" else theirs
    latencies_s = [await _latency_s(mine.pull(1, wait_s=10, lease_s=60), publisher.publish(a_job())) for _ in range(5)]
    assert median(latencies_s) < within_s
    await mine.close()
    await theirs.close()


async def test_waiting_costs_next_to_nothing(tmp_path: Path) -> None:
    queue = LocalJobQueue(tmp_path / "queue.sqlite")
    await queue.pull(1, wait_s=1.2, lease_s=1)  # until the file is no longer fresh
    spent_s, started_at = time.process_time(), time.perf_counter()
    await queue.pull(1, wait_s=1, lease_s=1)
    assert (time.process_time() - spent_s) / (time.perf_counter() - started_at) < 0.02
    await queue.close()
