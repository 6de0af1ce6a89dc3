"""What Firestore's job store promises when calls fail, get lost or hang. The line is bad, the store behind it is the emulator."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
from grpc import StatusCode as Code
from structlog.testing import capture_logs

from krai import transitions
from krai.backends.google.firestore import Firestore
from krai.backends.google.jobs import FirestoreJobStore
from krai.errors import Conflict, Transient
from krai.job import Job
from krai.ports import IdempotencyRecord, JobQuery
from tests.contract.conftest import Opener, Place
from tests.contract.examples import START, a_dataset, a_job, a_record, all_pages, created
from tests.contract.firestore_line import LOST_ANSWER, LOST_CALL, Line, lay


async def _open(place: Place) -> FirestoreJobStore:
    return FirestoreJobStore(await Firestore.open(place.project))


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    return lay(monkeypatch)


@pytest.fixture
async def opens(place_of: Callable[[str], Place], line: Line) -> AsyncIterator[Opener[FirestoreJobStore]]:
    opener = Opener[FirestoreJobStore](_open, place_of("firestore"))
    yield opener
    line.clear()
    await opener.close()


@pytest.fixture
async def jobs(opens: Opener[FirestoreJobStore]) -> FirestoreJobStore:
    return await opens()


def _in_an_hour(jobs: FirestoreJobStore, scope: str = "scope", **answer: object) -> IdempotencyRecord:
    return a_record(scope, expires_at=jobs.now() + timedelta(hours=1), **answer)


# -- one answer is lost ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_record", [True, False])
@pytest.mark.parametrize("fate", [LOST_ANSWER, LOST_CALL])
async def test_a_create_without_an_answer_makes_one_job(
    jobs: FirestoreJobStore, line: Line, fate: tuple[Code, bool], *, with_record: bool
) -> None:
    job, record = a_job(labels={"a": "b"}), _in_an_hour(jobs) if with_record else None
    line.fail(fate)
    written = await created(jobs, job, record)
    assert await jobs.get(job.job_id) == written
    assert await all_pages(jobs) == [[job.job_id]]
    assert await jobs.recall("scope") == record


async def test_a_create_without_an_answer_does_not_take_what_others_have_written(opens: Opener[FirestoreJobStore], line: Line) -> None:
    mine, theirs = await opens(), await opens()
    job, record = a_job(), _in_an_hour(mine, number=1)
    line.fail(LOST_CALL, meanwhile=lambda: theirs.create(replace(job, dataset="theirs")))
    with pytest.raises(Conflict):
        await mine.create(job, record)
    assert await mine.recall("scope") is None
    line.fail(LOST_CALL, meanwhile=lambda: theirs.create(a_job(), record))
    assert await mine.create(a_job(), _in_an_hour(mine, number=2)) == record


async def test_who_swaps_without_an_answer_learns_that_it_won(jobs: FirestoreJobStore, line: Line) -> None:
    job = await created(jobs)
    line.fail(LOST_ANSWER)
    mine = await jobs.swap(job, transitions.claim(job, "me", START, 30))
    assert mine.revision > job.revision
    assert await jobs.get(job.job_id) == mine
    line.fail(LOST_ANSWER)
    assert (await jobs.swap(mine, mine)).revision > mine.revision


@pytest.mark.parametrize("theirs_is_the_same", [True, False])
async def test_who_swaps_without_an_answer_learns_that_it_lost(
    opens: Opener[FirestoreJobStore], line: Line, *, theirs_is_the_same: bool
) -> None:
    mine, theirs = await opens(), await opens()
    job = await created(mine)
    then = transitions.claim(job, "the same name", START, 30)
    line.fail(LOST_CALL, meanwhile=lambda: theirs.swap(job, then if theirs_is_the_same else replace(then, lease_owner="them")))
    with pytest.raises(Conflict):
        await mine.swap(job, then)


async def test_a_refusal_at_once_is_a_conflict_at_once(opens: Opener[FirestoreJobStore], line: Line) -> None:
    jobs = await opens()
    job = await created(jobs)
    await jobs.swap(job, job)
    line.counted.clear()
    with pytest.raises(Conflict):
        await jobs.swap(job, job)
    with pytest.raises(Conflict):
        await jobs.delete(job)
    assert (line.counted["calls"], line.counted["reads"]) == (2, 0)


async def test_a_delete_without_an_answer_is_done(jobs: FirestoreJobStore, line: Line) -> None:
    job = await created(jobs)
    line.fail(LOST_ANSWER)
    await jobs.delete(job)
    assert await jobs.get(job.job_id) is None


async def test_a_delete_without_an_answer_spares_what_others_have_written(opens: Opener[FirestoreJobStore], line: Line) -> None:
    mine, theirs = await opens(), await opens()
    job = await created(mine)
    line.fail(LOST_CALL, meanwhile=lambda: theirs.swap(job, job))
    with pytest.raises(Conflict):
        await mine.delete(job)
    assert await mine.get(job.job_id) is not None


async def test_a_record_without_an_answer_is_ones_own(jobs: FirestoreJobStore, line: Line) -> None:
    record = _in_an_hour(jobs)
    line.fail(LOST_ANSWER)
    assert await jobs.remember(record) is None
    assert await jobs.recall("scope") == record
    assert await jobs.remember(record) == record


async def test_a_record_like_ones_own_is_still_somebody_elses(opens: Opener[FirestoreJobStore], line: Line) -> None:
    mine, theirs = await opens(), await opens()
    record = _in_an_hour(mine)
    line.fail(LOST_CALL, meanwhile=lambda: theirs.remember(record))
    assert await mine.remember(record) == record


async def test_a_dataset_without_an_answer_is_kept(opens: Opener[FirestoreJobStore], line: Line) -> None:
    mine, theirs = await opens(), await opens()
    old, new = a_dataset("users", rows=1), a_dataset("users", rows=2, at=START + timedelta(seconds=1))
    line.fail(LOST_ANSWER)
    await mine.put_dataset(old)
    assert await mine.get_dataset("users") == old
    line.fail(LOST_CALL, meanwhile=lambda: theirs.put_dataset(new))
    await mine.put_dataset(replace(old, rows=3))
    assert await mine.get_dataset("users") == new


# -- many calls fail ------------------------------------------------------------------------------------------------------------


async def _create(jobs: FirestoreJobStore, job: Job, record: IdempotencyRecord) -> Job | IdempotencyRecord:
    """As the API does for a caller that asks again after a 503."""
    while True:
        try:
            return await jobs.create(job, record)
        except Transient:
            continue


async def _claim(jobs: FirestoreJobStore, job_id: str, owner: str) -> bool:
    """As `krai.claim` does: who got no answer reads who owns the job now."""
    while True:
        try:
            job = await jobs.get(job_id)
            assert job is not None
            if job.lease_owner is not None:
                return job.lease_owner == owner
            await jobs.swap(job, transitions.claim(job, owner, START, 30))
        except (Transient, Conflict):
            continue
        return True


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_jobs_are_made_once_and_won_once_while_a_fifth_of_all_calls_fails(
    opens: Opener[FirestoreJobStore], line: Line, seed: int
) -> None:
    stores = [await opens() for _ in range(3)]
    records = [_in_an_hour(stores[0], f"scope-{number}") for number in range(20)]
    asked = [(store, a_job(), record) for record in records for store in stores]
    line.rain(0.2, seed)
    async with asyncio.timeout(60):
        answers = await asyncio.gather(*(_create(store, job, record) for store, job, record in asked))
        made = [answer.job_id for answer in answers if isinstance(answer, Job)]
        claims = [(store, job_id, f"{job_id}/{number}") for job_id in made for number, store in enumerate(stores)]
        won = await asyncio.gather(*(_claim(*claim) for claim in claims))
    line.clear()
    assert line.counted["calls"] > 200
    assert len(made) == len(records)
    assert sorted(chain.from_iterable(await all_pages(stores[0]))) == sorted(made)
    assert sum(won) == len(made)
    winners = {job_id: owner for (_, job_id, owner), mine in zip(claims, won, strict=True) if mine}
    for job in (await stores[0].find(JobQuery())).jobs:
        assert (job.lease_owner, job.epoch) == (winners[job.job_id], 1)


@pytest.mark.parametrize(
    "code",
    [Code.ABORTED, Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.RESOURCE_EXHAUSTED, Code.UNKNOWN, Code.CANCELLED],
)
async def test_a_store_that_is_away_is_said_to_be_busy_after_a_few_tries(jobs: FirestoreJobStore, line: Line, code: Code) -> None:
    line.break_down(code)
    for asked in (jobs.get("a"), jobs.create(a_job()), jobs.find(JobQuery()), jobs.check()):
        line.counted.clear()
        async with asyncio.timeout(2):
            with pytest.raises(Transient, match="store_busy"):
                await asked
        assert line.counted["calls"] == 4


@pytest.mark.parametrize("code", [Code.PERMISSION_DENIED, Code.UNAUTHENTICATED])
async def test_missing_rights_are_busy_for_callers_and_told_to_operators(jobs: FirestoreJobStore, line: Line, code: Code) -> None:
    line.break_down(code)
    line.counted.clear()
    with capture_logs() as lines, pytest.raises(Transient, match="store_busy"):
        await jobs.get("a")
    assert line.counted["calls"] == 1
    assert [(told["log_level"], told["reason"]) for told in lines] == [("error", "the line is bad")]


async def test_a_mistake_of_our_own_is_not_taken_for_a_busy_store(jobs: FirestoreJobStore, line: Line) -> None:
    line.break_down(Code.INVALID_ARGUMENT)
    with pytest.raises(Exception, match="the line is bad") as error:
        await jobs.get("a")
    assert not isinstance(error.value, Transient)


# -- the server hangs -----------------------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_is_given_up_and_comes_back(place_of: Callable[[str], Place]) -> None:
    place = place_of("firestore")
    jobs = await _open(place)
    job = await created(jobs)
    place.emulators.firestore.freeze()
    try:
        began_s = time.perf_counter()
        asked = (jobs.get(job.job_id), jobs.swap(job, job), jobs.create(a_job()), jobs.due(1), jobs.wait(job.job_id, job.revision, 20))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert time.perf_counter() - began_s < 8
    finally:
        place.emulators.firestore.thaw()
    assert [getattr(answer, "code", answer) for answer in answers] == ["store_busy"] * 5
    async with asyncio.timeout(10):
        there = await jobs.get(job.job_id)
    assert there is not None
    await jobs.swap(there, there)
    await jobs.close()


async def test_a_store_without_a_server_does_not_open(place_of: Callable[[str], Place], line: Line) -> None:
    place = place_of("firestore")
    line.break_down(Code.UNAVAILABLE)
    with pytest.raises(Transient, match="store_busy"):
        await _open(place)
    assert asyncio.all_tasks() == {asyncio.current_task()}
