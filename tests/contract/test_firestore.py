"""What only Firestore's backends have: the server's clock, a price for every call, and ids that can lead elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import time_machine

from krai import selection, transitions
from krai.backends import page_token
from krai.backends.google.directory import FirestoreDirectory
from krai.backends.google.firestore import Firestore
from krai.backends.google.jobs import FirestoreJobStore
from krai.dataset import Column
from krai.errors import Conflict, Terminal
from krai.job import Job, Progress
from krai.ports import JobQuery, Stores
from tests.contract.conftest import Place
from tests.contract.examples import SNAPSHOT_ID, START, a_dataset, a_job, a_record, created
from tests.contract.firestore_line import Line, lay

OTHER_IDS = ["", "a/b", "a/b/c", "a/../b\x00", "../jobs/a", ".", "..", "__a__", "a" * 129, "\ud800", "ä", "a\n"]


@pytest.fixture
def place(place_of: Callable[[str], Place]) -> Place:
    return place_of("firestore")


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return lay(monkeypatch)


@pytest.fixture
async def firestore(place: Place, line: Line) -> AsyncIterator[Firestore]:
    firestore = await Firestore.open(place.project)
    line.counted.clear()
    yield firestore
    await firestore.close()


@pytest.fixture
def jobs(firestore: Firestore) -> FirestoreJobStore:
    return FirestoreJobStore(firestore)


# -- what it costs --------------------------------------------------------------------------------------------------------------


async def test_a_job_costs_a_write_a_step(jobs: FirestoreJobStore, line: Line) -> None:
    job = await created(jobs)
    job = await jobs.swap(job, transitions.claim(job, "me", jobs.now(), 30))
    job = await jobs.swap(job, transitions.complete(job, {}, Progress(), jobs.now(), keep_s=60))
    assert line.counted == {"calls": 3, "writes": 3}
    await jobs.get(job.job_id)
    assert line.counted == {"calls": 4, "writes": 3, "reads": 1}


async def test_a_key_costs_one_write_more_in_the_same_call(jobs: FirestoreJobStore, line: Line) -> None:
    await created(jobs, a_job(), a_record("scope", expires_at=jobs.now() + timedelta(hours=1)))
    assert line.counted == {"calls": 1, "writes": 2}


async def test_jobs_that_come_together_are_made_in_few_calls_and_each_for_itself(jobs: FirestoreJobStore, line: Line) -> None:
    new = [a_job() for _ in range(20)]
    other = replace(new[7], dataset="other")
    *made, refused = await asyncio.gather(*(jobs.create(job) for job in [*new, other]), return_exceptions=True)
    assert isinstance(refused, Conflict)
    assert made == [await jobs.get(job.job_id) for job in new]
    assert [replace(job, revision=0) for job in made if isinstance(job, Job)] == new
    assert line.counted["calls"] - line.counted["reads"] <= 4, "one alone, all that came meanwhile, and one in doubt"
    assert isinstance((await asyncio.gather(jobs.create(other), return_exceptions=True))[0], Conflict)


async def test_an_export_of_a_dataset_that_was_just_looked_at_costs_no_read(place: Place, jobs: FirestoreJobStore, line: Line) -> None:
    stores = Stores(jobs, *(cast("Any", None),) * 3)
    await jobs.put_dataset(a_dataset("users", rows=1))
    await selection.check_export(stores, "users", {"columns": ["id"]})
    line.counted.clear()
    await selection.check_export(stores, "users", {"columns": ["id"]})
    assert not line.counted
    others = FirestoreJobStore(await Firestore.open(place.project))
    wider = a_dataset("users", rows=1, at=START + timedelta(days=1))
    await others.put_dataset(replace(wider, columns=(*wider.columns, Column(name="new", type="string"))))
    await selection.check_export(stores, "users", {"columns": ["new"]})
    with pytest.raises(Terminal, match="unknown_column"):
        await selection.check_export(stores, "users", {"columns": ["newer"]})
    await others.drop_dataset("users", SNAPSHOT_ID)
    await asyncio.sleep(selection.KNOWN_FOR_S)
    with pytest.raises(Terminal, match="dataset_not_found"):
        await selection.check_export(stores, "users", {})
    await others.close()


async def test_a_page_and_an_idle_sweep_cost_one_query(jobs: FirestoreJobStore, line: Line) -> None:
    assert await jobs.due(10) == []
    assert (await jobs.find(JobQuery())).jobs == []
    assert line.counted == {"calls": 2, "reads": 2}


@pytest.mark.parametrize(("age_s", "fewest", "most"), [(0, 10, 26), (60, 3, 5)])
async def test_who_waits_for_an_old_job_asks_less_often(jobs: FirestoreJobStore, line: Line, age_s: int, fewest: int, most: int) -> None:
    job = await created(jobs, replace(a_job(), created_at=jobs.now() - timedelta(seconds=age_s)))
    line.counted.clear()
    assert await jobs.wait(job.job_id, job.revision, 3) == job
    assert fewest <= line.counted["reads"] <= most


# -- ids that lead elsewhere ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("job_id", OTHER_IDS)
async def test_what_can_be_no_id_is_not_there(jobs: FirestoreJobStore, line: Line, job_id: str) -> None:
    assert await jobs.get(job_id) is None
    assert await jobs.recall(job_id) is None
    assert await jobs.get_dataset(job_id) is None
    await jobs.drop_dataset(job_id, SNAPSHOT_ID)
    job = replace(a_job(), job_id=job_id, revision=1)
    for write in (jobs.swap(job, job), jobs.delete(job)):
        with pytest.raises(Conflict):
            await write
    for create in (jobs.create(job), jobs.put_dataset(a_dataset(job_id, rows=1)), jobs.remember(a_record(job_id, expires_at=START))):
        with pytest.raises(ValueError, match="no document's id"):
            await create
    query = JobQuery()
    if job_id.isprintable():
        with pytest.raises(Terminal, match="invalid_page_token"):
            await jobs.find(replace(query, after=page_token.encode(page_token.of_listing(query), job.created_at, job.job_id)))
    assert not line.counted


async def test_a_job_that_was_never_written_is_not_swapped_in(jobs: FirestoreJobStore) -> None:
    job = a_job()
    for write in (jobs.swap(job, job), jobs.delete(job)):
        with pytest.raises(Conflict):
            await write
    assert await jobs.get(job.job_id) is None


async def test_a_name_in_the_directory_reaches_no_other_entry(firestore: Firestore) -> None:
    directory = FirestoreDirectory(firestore)
    names = sorted([*OTHER_IDS, "a", "A", "é", "e\u0301"])
    for name in names:
        await directory.put("users", name, {"is": name})
    assert list(await directory.list("users")) == [(name, {"is": name}) for name in names]
    for name in names:
        assert await directory.get("users", name) == {"is": name}


# -- the clock ------------------------------------------------------------------------------------------------------------------


async def test_the_time_is_right_in_a_process_whose_clock_is_wrong(place: Place) -> None:
    # Only ahead: gRPC would take deadlines from the clock that is put back here, and compare them with one that is not.
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=True):
        firestore = await Firestore.open(place.project)
        told = [firestore.now()]
        jobs = FirestoreJobStore(firestore)
        job = await created(jobs)
        told.append(jobs.now())
        await jobs.swap(job, job)
        told.append(jobs.now())
        await firestore.close()
    assert max(abs(moment - datetime.now(UTC)) for moment in told) < timedelta(seconds=5)


@pytest.mark.parametrize("hours", [-1, 1])
def test_the_time_does_not_jump_with_the_clock_of_the_process(firestore: Firestore, hours: int) -> None:
    true = datetime.now(UTC)
    with time_machine.travel(true + timedelta(hours=hours), tick=True):
        assert abs(datetime.now(UTC) - true) > timedelta(minutes=50)
        assert abs(firestore.now() - true) < timedelta(seconds=5)


async def test_a_job_is_due_by_the_server_and_not_by_this_process(jobs: FirestoreJobStore) -> None:
    await created(jobs, replace(a_job(), due_at=jobs.now() + timedelta(minutes=30)))
    record = a_record("scope", expires_at=jobs.now() + timedelta(minutes=30))
    await jobs.remember(record)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=True):
        assert await jobs.due(1) == []
        assert await jobs.recall("scope") == record
