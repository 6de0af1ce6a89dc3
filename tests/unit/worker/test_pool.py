"""Children that die, hang and hoard: the worker hears of it, and the next job runs."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import psutil
import pytest

from krai import transitions
from krai.attempt import Advanced, Died, Event, Failed, Succeeded
from krai.errors import Terminal, Transient
from krai.job import Job, Kind
from krai.worker.pool import ChildPool


def a_job(act: str) -> Job:
    job = transitions.new(Kind.DROP, act, {"snapshot_id": "1"}, created_by="me", now=datetime.now(UTC))
    return transitions.claim(job, "me", datetime.now(UTC), 30)


async def last_word(pool: ChildPool, act: str) -> Event:
    attempt = await pool.start(a_job(act))
    while True:
        event = await attempt.event(timeout_s=0.2)
        if event is not None and not isinstance(event, Advanced):
            await attempt.kill()
            return event


@pytest.mark.parametrize(
    ("act", "how"), [("abort", "signal 6"), ("segfault", "signal 11"), ("exit", "exit code 3")], ids=["abort", "segfault", "exit"]
)
async def test_a_child_that_dies_is_replaced(pool: ChildPool, act: str, how: str) -> None:
    assert await last_word(pool, act) == Died(how)
    assert isinstance(await last_word(pool, "fine"), Succeeded)


@pytest.mark.parametrize(
    "act",
    [
        "half_a_message",
        "half_a_length",
        "a_terabyte",
        "a_long_message",
        "no_json",
        "deep",
        "no_event",
        "an_unknown_event",
        "an_unknown_problem",
        "too_little",
    ],
)
async def test_a_child_that_makes_no_sense_is_ended_and_nobody_waits_for_it(
    pool: ChildPool, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("krai.worker.pool.SILENT_WITHIN_S", 0.5)
    pool.terms = replace(pool.terms, job_timeout_s=30)
    async with a_pulse() as longest_pause_s:
        assert await last_word(pool, act) == Died("signal 9")
    assert max(longest_pause_s) < 0.5
    assert isinstance(await last_word(pool, "fine"), Succeeded)


async def test_what_a_child_says_in_pieces_is_heard_as_it_was_said(pool: ChildPool) -> None:
    attempt = await pool.start(a_job("in_pieces"))
    rows = []
    while not isinstance(event := await attempt.event(timeout_s=0.2), Succeeded):
        assert event is None or isinstance(event, Advanced)
        rows += [] if event is None else [event.progress.records_processed]
    assert rows == [7, 7]


@asynccontextmanager
async def a_pulse() -> AsyncIterator[list[float]]:
    """How long, in seconds, everything else in this process had to wait for the loop."""
    pauses_s: list[float] = []

    async def beat() -> None:
        while True:
            at = time.monotonic()
            await asyncio.sleep(0.01)
            pauses_s.append(time.monotonic() - at)

    beating = asyncio.create_task(beat())
    yield pauses_s
    beating.cancel()


@pytest.mark.parametrize(("act", "code"), [("hog", "memory_limit"), ("endless", "job_timeout"), ("slow", "job_timeout")])
async def test_a_child_that_takes_too_much_is_ended(pool: ChildPool, act: str, code: str) -> None:
    event = await last_word(pool, act)
    assert isinstance(event, Died)
    assert event.error is not None
    assert event.error.code == code
    assert isinstance(await last_word(pool, "fine"), Succeeded)


@pytest.mark.parametrize(
    ("act", "kind", "code"),
    [
        ("terminal", Terminal, "corrupt_file"),
        ("busy", Transient, "store_busy"),
        ("disk_full", Terminal, "disk_full"),
        ("hog_at_once", Terminal, "memory_limit"),
    ],
)
async def test_what_a_job_raises_comes_back_as_it_is(pool: ChildPool, act: str, kind: type[Exception], code: str) -> None:
    child = next(iter(pool.children))
    event = await last_word(pool, act)
    assert isinstance(event, Failed)
    assert isinstance(event.error, kind)
    assert event.error.code == code
    assert pool.children == {child}


async def test_children_hold_the_memory_they_are_about_to_use_again(pool: ChildPool) -> None:
    pid = next(iter(pool.children)).process.pid
    assert psutil.Process(psutil.Process(pid).ppid()).environ()["MIMALLOC_PURGE_DELAY"] == "1000"


async def test_a_killed_attempt_leaves_no_process(pool: ChildPool) -> None:
    attempt = await pool.start(a_job("slow"))
    pid = next(iter(pool.children)).process.pid
    assert pid is not None
    await attempt.kill()
    assert not psutil.pid_exists(pid)


async def test_a_child_dies_with_its_worker(pool: ChildPool) -> None:
    await pool.start(a_job("slow"))
    child = next(iter(pool.children))
    process = psutil.Process(child.process.pid)
    child.lifeline.close()
    assert process.wait(timeout=5) in {None, 1}


async def test_the_spool_of_a_job_is_gone_after_it(pool: ChildPool) -> None:
    for act in ("fine", "terminal", "abort"):
        await last_word(pool, act)
    assert os.listdir(pool.terms.spool) == []  # noqa: PTH208 - a folder of this test
