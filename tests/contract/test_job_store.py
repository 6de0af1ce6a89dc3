"""What every job store promises."""

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from krai import transitions
from krai.dataset import MOST_SNAPSHOTS, Dataset, Snapshot
from krai.errors import Conflict, Terminal, Transient
from krai.job import Callback, Job, Outcome, Progress, Stage
from krai.ports import JobQuery, JobStore
from tests.contract.conftest import Opener
from tests.contract.examples import SNAPSHOT_ID, START, a_dataset, a_job, a_record, created


async def test_a_job_comes_back_as_it_was_written(jobs: JobStore) -> None:
    job = a_job(params={"n": 10**30, "text": "ä\u202e\x00\ud800", "deep": [{"a": None}]}, labels={"team": "x y"}, description="…")
    written = await created(jobs, job)
    assert written == replace(job, revision=written.revision)
    assert await jobs.get(job.job_id) == written


async def test_every_field_survives_a_write(jobs: JobStore) -> None:
    job = await created(jobs, a_job(source={"path": "uploads/1", "generation": "7"}, parent_job_id="p"))
    claimed = transitions.claim(job, "worker", START, 30)
    url, base_url = "https://hooks.example.org/?a=b", "https://krai.example.org"
    then = replace(
        claimed,
        progress=Progress(
            stage=Stage.WRITING, percent=7, records_processed=2**60, phases=({"stage": "writing", "started_at": "2026-01-31T12:00:00Z"},)
        ),
        error={"code": "internal"},
        result={},
        callback=Callback(url=url, base_url=base_url, attempts=3, next_at=START, last_status=500),
        deliveries=tuple(Callback(url="", base_url=base_url, webhook_id=name, next_at=START, last_at=START) for name in ("a", "b")),
        parts_at=START,
    )
    written = await jobs.swap(job, then)
    assert written == replace(then, revision=written.revision)
    assert await jobs.get(job.job_id) == written


async def test_attempts_are_remembered_by_the_writes_that_begin_and_end_them(open_jobs: Opener[JobStore]) -> None:
    mine, theirs = await open_jobs(), await open_jobs()
    job = await created(mine)
    job = await mine.swap(job, transitions.claim(job, "one/1", START, 30))
    found = await theirs.get(job.job_id)
    assert found is not None
    assert [(tried.worker, tried.outcome) for tried in found.tries] == [("one", None)]
    job = await theirs.swap(found, transitions.postpone(found, Transient("store_busy"), START, delay_s=1))
    for n in range(transitions.MOST_TRIES):
        job = transitions.claim(job, f"worker-{n}/1", START + timedelta(minutes=n), 30)
    written = await mine.swap(job, transitions.fail(job, Terminal("corrupt_file"), START + timedelta(hours=1), keep_s=60))
    read = await theirs.get(job.job_id)
    assert read == written
    assert [tried.outcome for tried in read.tries] == [Outcome.LOST] * (transitions.MOST_TRIES - 1) + [Outcome.FAILED]
    assert (read.tries[0].worker, read.tries[-1].code) == ("worker-0", "corrupt_file"), "the first of all is forgotten"


async def test_an_unknown_job_is_none(jobs: JobStore) -> None:
    assert await jobs.get("unknown") is None
    assert await jobs.get("a/../b\x00") is None


async def test_a_job_is_not_created_over_another(jobs: JobStore) -> None:
    job = await created(jobs)
    with pytest.raises(Conflict):
        await jobs.create(replace(job, dataset="other"), a_record("scope", expires_at=jobs.now() + timedelta(hours=1)))
    assert await jobs.get(job.job_id) == job
    assert await jobs.recall("scope") is None


async def test_the_same_job_may_be_created_again(open_jobs: Opener[JobStore]) -> None:
    mine, theirs = await open_jobs(), await open_jobs()
    job, record = a_job(labels={"a": "b"}), a_record("scope", expires_at=mine.now() + timedelta(hours=1))
    written = await created(mine, job, record)
    assert await theirs.create(job, record) == written
    assert await theirs.create(job) == written
    assert await mine.get(job.job_id) == written
    await mine.swap(written, transitions.claim(written, "worker", START, 30))
    with pytest.raises(Conflict):
        await theirs.create(job)


async def test_a_job_past_its_time_is_hidden_and_waits_for_the_sweep(jobs: JobStore) -> None:
    job, other = await created(jobs), await created(jobs, replace(a_job(), due_at=None))
    at = jobs.now() - timedelta(seconds=1)
    over = await jobs.swap(job, replace(job, due_at=at, delete_at=at))
    assert await jobs.get(job.job_id) is None
    assert await jobs.wait(job.job_id, over.revision, 0) is None
    assert list((await jobs.find(JobQuery())).jobs) == [other]
    assert await jobs.due(10) == [over]
    await jobs.delete(over)
    assert await jobs.due(10) == []


async def test_a_job_whose_time_is_to_come_is_seen(jobs: JobStore) -> None:
    job = await created(jobs, replace(a_job(), delete_at=jobs.now() + timedelta(minutes=1)))
    assert await jobs.get(job.job_id) == job
    assert list((await jobs.find(JobQuery())).jobs) == [job]


async def test_the_clock_is_utc_and_right(jobs: JobStore) -> None:
    assert jobs.now().tzinfo is UTC
    assert abs(jobs.now() - datetime.now(UTC)) < timedelta(seconds=5)


# -- idempotency records --------------------------------------------------------------------------------------------------------


async def test_the_second_create_of_a_scope_gets_the_first_record_and_writes_nothing(jobs: JobStore) -> None:
    until = jobs.now() + timedelta(hours=1)
    first, second = a_record("scope", expires_at=until, number=1), a_record("scope", expires_at=until, number=2)
    refused = a_job()
    await created(jobs, a_job(), first)
    assert await jobs.create(refused, second) == first
    assert await jobs.get(refused.job_id) is None
    assert await jobs.recall("scope") == first
    assert await jobs.recall("other") is None


async def test_of_fifty_creates_at_once_one_makes_a_job(open_jobs: Opener[JobStore]) -> None:
    stores = [await open_jobs(), await open_jobs()]
    until = stores[0].now() + timedelta(hours=1)
    asked = [a_job() for _ in range(50)]
    answers = await asyncio.gather(
        *(stores[n % 2].create(job, a_record("scope", expires_at=until, job_id=job.job_id)) for n, job in enumerate(asked))
    )
    written = [job.job_id for job in asked if await stores[0].get(job.job_id)]
    assert len(written) == 1
    assert Counter("made" if isinstance(answer, Job) else answer.answer["job_id"] for answer in answers) == {"made": 1, written[0]: 49}


async def test_a_record_without_a_job_holds_its_scope_too(jobs: JobStore) -> None:
    record = a_record("scope", expires_at=jobs.now() + timedelta(hours=1), status=422)
    assert await jobs.remember(record) is None
    assert await jobs.remember(record) == record
    assert await jobs.create(a_job(), record) == record


async def test_an_expired_record_is_hidden_at_once_and_its_scope_is_free(jobs: JobStore) -> None:
    assert await jobs.remember(a_record("scope", expires_at=jobs.now() + timedelta(seconds=0.2))) is None
    assert await jobs.recall("scope") is not None
    await asyncio.sleep(0.25)
    assert await jobs.recall("scope") is None
    job = await created(jobs, a_job(), a_record("scope", expires_at=jobs.now() + timedelta(hours=1), number=2))
    assert await jobs.get(job.job_id) == job
    record = await jobs.recall("scope")
    assert record is not None
    assert record.answer == {"number": 2}


# -- compare-and-set ------------------------------------------------------------------------------------------------------------


async def test_a_write_with_an_old_revision_is_refused(open_jobs: Opener[JobStore]) -> None:
    mine, theirs = await open_jobs(), await open_jobs()
    job = await created(mine)
    written = await theirs.swap(job, transitions.claim(job, "them", START, 30))
    with pytest.raises(Conflict):
        await mine.swap(job, transitions.claim(job, "me", START, 30))
    with pytest.raises(Conflict):
        await mine.delete(job)
    assert await mine.get(job.job_id) == written


async def test_the_revision_grows_with_every_write(jobs: JobStore) -> None:
    job = await created(jobs)
    revisions = [job.revision]
    for _ in range(3):
        job = await jobs.swap(job, job)
        revisions.append(job.revision)
    assert revisions == sorted(set(revisions))


async def test_a_deleted_job_is_gone_and_not_written_again(jobs: JobStore) -> None:
    job = await created(jobs, a_job(labels={"a": "b"}))
    await jobs.delete(job)
    assert await jobs.get(job.job_id) is None
    with pytest.raises(Conflict):
        await jobs.swap(job, job)
    with pytest.raises(Conflict):
        await jobs.delete(job)


async def _claim_all(jobs: JobStore, owner: str, wanted: list[str]) -> list[str]:
    """Take whatever can be taken, as a worker does; the ids that are now `owner`'s."""
    won = []
    for job_id in wanted:
        job = await jobs.get(job_id)
        assert job is not None
        if not transitions.claimable(job, START):
            continue
        try:
            await jobs.swap(job, transitions.claim(job, owner, START, 30))
        except Conflict:
            continue
        won.append(job_id)
    return won


async def test_of_eight_owners_each_job_has_one(open_jobs: Opener[JobStore]) -> None:
    stores = {f"owner-{number}": await open_jobs() for number in range(8)}
    wanted = [job.job_id for job in [a_job() for _ in range(30)]]
    first = [await created(stores["owner-0"], replace(a_job(), job_id=job_id)) for job_id in wanted]
    won = dict(zip(stores, await asyncio.gather(*(_claim_all(store, owner, wanted) for owner, store in stores.items())), strict=True))
    assert sorted(job_id for ids in won.values() for job_id in ids) == sorted(wanted)
    owners = {job_id: owner for owner, ids in won.items() for job_id in ids}
    for before in first:
        job = await stores["owner-0"].get(before.job_id)
        assert job is not None
        assert (job.lease_owner, job.epoch, job.attempt) == (owners[job.job_id], 1, 1)
        assert job.revision > before.revision


# -- due ------------------------------------------------------------------------------------------------------------------------


async def test_due_jobs_come_longest_overdue_first(jobs: JobStore) -> None:
    now = jobs.now()
    due_in_s = {"late": -60, "later": -5, "latest": -3600, "not yet": 60}
    ids = {}
    for name, seconds in due_in_s.items():
        job = replace(a_job(), due_at=now + timedelta(seconds=seconds))
        ids[job.job_id] = name
        await jobs.create(job)
    await jobs.create(replace(a_job(), due_at=None))
    assert [ids[job.job_id] for job in await jobs.due(10)] == ["latest", "late", "later"]
    assert [ids[job.job_id] for job in await jobs.due(2)] == ["latest", "late"]


async def test_a_job_is_due_when_its_last_write_says(jobs: JobStore) -> None:
    job = await created(jobs, replace(a_job(), due_at=jobs.now() - timedelta(seconds=1)))
    job = await jobs.swap(job, replace(job, due_at=None))
    assert await jobs.due(10) == []
    job = await jobs.swap(job, replace(job, due_at=jobs.now() - timedelta(seconds=1)))
    assert await jobs.due(10) == [job]
    await jobs.delete(job)
    assert await jobs.due(10) == []


# -- waiting --------------------------------------------------------------------------------------------------------------------


async def _change_soon(jobs: JobStore, job: Job) -> tuple[Job, float]:
    await asyncio.sleep(0.2)
    changed = await jobs.swap(job, transitions.ask_cancel(job, START))
    return changed, time.perf_counter()


async def test_a_change_wakes_all_who_wait_in_the_same_process(jobs: JobStore) -> None:
    job = await created(jobs)
    waiting = [asyncio.create_task(jobs.wait(job.job_id, job.revision, 10)) for _ in range(20)]
    changed, changed_at = await _change_soon(jobs, job)
    assert await asyncio.gather(*waiting) == [changed] * 20
    assert time.perf_counter() - changed_at < 1


async def test_a_change_by_another_process_wakes_too(open_jobs: Opener[JobStore]) -> None:
    mine, theirs = await open_jobs(), await open_jobs()
    job = await created(mine)
    waiting = asyncio.create_task(mine.wait(job.job_id, job.revision, 10))
    changed, changed_at = await _change_soon(theirs, job)
    assert await waiting == changed
    assert time.perf_counter() - changed_at < 1


async def test_waiting_for_a_change_that_has_been_is_not_waiting(jobs: JobStore) -> None:
    job = await created(jobs)
    changed = await jobs.swap(job, job)
    async with asyncio.timeout(1):
        assert await jobs.wait(job.job_id, job.revision, 10) == changed


async def test_waiting_ends_after_its_time_with_the_job_as_it_is(jobs: JobStore) -> None:
    job, other = await created(jobs), await created(jobs)
    waiting = asyncio.create_task(jobs.wait(job.job_id, job.revision, 0.4))
    started_at = time.perf_counter()
    await jobs.swap(other, other)
    assert await waiting == job
    assert 0.3 < time.perf_counter() - started_at < 2
    assert await jobs.wait(job.job_id, job.revision, 0) == job


async def test_waiting_for_a_job_that_is_not_there_or_goes_gives_none(jobs: JobStore) -> None:
    assert await jobs.wait("unknown", 0, 10) is None
    job = await created(jobs)
    waiting = asyncio.create_task(jobs.wait(job.job_id, job.revision, 10))
    await asyncio.sleep(0.1)
    await jobs.delete(job)
    async with asyncio.timeout(2):
        assert await waiting is None


async def test_a_write_whose_caller_was_cancelled_wakes_too(jobs: JobStore) -> None:
    for number in range(20):
        job = await created(jobs)
        waiting = asyncio.create_task(jobs.wait(job.job_id, job.revision, 10))
        await asyncio.sleep(0.01)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(number / 10_000):
                await jobs.swap(job, transitions.ask_cancel(job, START))
        stored = await jobs.get(job.job_id)
        assert stored is not None
        if not stored.cancel_requested:  # cancelled before it was written
            waiting.cancel()
            continue
        async with asyncio.timeout(1):
            assert await waiting == stored


async def test_a_closed_store_says_that_it_stops_and_lets_nobody_wait(open_jobs: Opener[JobStore]) -> None:
    jobs = await open_jobs()
    job = await created(jobs)
    waiting = asyncio.create_task(jobs.wait(job.job_id, job.revision, 30))
    await asyncio.sleep(0.1)
    await jobs.close()
    with pytest.raises(Transient, match="not_ready"):
        async with asyncio.timeout(2):
            await waiting
    assert asyncio.all_tasks() == {asyncio.current_task()}
    with pytest.raises(Transient, match="not_ready"):
        await jobs.get(job.job_id)
    again = await open_jobs()
    await again.check()
    assert await again.get(job.job_id) == job


# -- datasets -------------------------------------------------------------------------------------------------------------------


async def test_a_dataset_comes_back_as_it_was_written(jobs: JobStore) -> None:
    assert await jobs.get_dataset("users") is None
    users = a_dataset("users", rows=3)
    await jobs.put_dataset(users)
    assert await jobs.get_dataset("users") == users


async def test_ones_own_writes_of_a_dataset_are_seen_however_old_it_may_be(jobs: JobStore) -> None:
    old, new = a_dataset("users", rows=1), a_dataset("users", rows=2, at=START + timedelta(microseconds=1))
    for dataset in (old, new):
        await jobs.put_dataset(dataset)
        assert await jobs.get_dataset("users", max_age_s=60) == dataset
    await jobs.drop_dataset("users", new.snapshot_id or "")
    assert await jobs.get_dataset("users", max_age_s=60) is None


async def test_of_two_writes_of_a_dataset_the_later_one_stays(jobs: JobStore) -> None:
    old, new = a_dataset("users", rows=1), a_dataset("users", rows=2, at=START + timedelta(microseconds=1))
    await jobs.put_dataset(new)
    await jobs.put_dataset(old)
    assert await jobs.get_dataset("users") == new
    same_time = replace(new, rows=3)
    await jobs.put_dataset(same_time)
    assert await jobs.get_dataset("users") == same_time


def with_snapshots(*numbers: int) -> Dataset:
    """A dataset as a worker knows it that has just made the last of these snapshots."""
    at = START + timedelta(seconds=numbers[-1])
    made = [
        Snapshot(snapshot_id=str(number), committed_at=START + timedelta(seconds=number), job_id="j", mode="append", rows=number)
        for number in reversed(numbers)
    ]
    return replace(a_dataset("users", rows=numbers[-1], at=at), snapshots=tuple(made))


async def test_snapshots_are_kept_whoever_writes_first_and_however_often(jobs: JobStore) -> None:
    for number in (2, 1, 3, 2):
        await jobs.put_dataset(with_snapshots(number))
    assert await jobs.get_dataset("users") == with_snapshots(1, 2, 3)
    assert await jobs.list_datasets() == [with_snapshots(1, 2, 3)]


async def test_the_newest_snapshots_are_kept(jobs: JobStore) -> None:
    await jobs.put_dataset(with_snapshots(*range(MOST_SNAPSHOTS)))
    await jobs.put_dataset(with_snapshots(MOST_SNAPSHOTS))
    assert await jobs.get_dataset("users") == with_snapshots(*range(1, MOST_SNAPSHOTS + 1))


async def test_datasets_are_listed_by_name_and_can_be_dropped(jobs: JobStore) -> None:
    datasets = {name: a_dataset(name, rows=1) for name in ("b", "a_1", "a", "c")}
    for dataset in datasets.values():
        await jobs.put_dataset(dataset)
    await jobs.drop_dataset("c", SNAPSHOT_ID)
    await jobs.drop_dataset("c", SNAPSHOT_ID)
    assert list(await jobs.list_datasets()) == [datasets[name] for name in ("a", "a_1", "b")]


async def test_a_dataset_that_was_made_again_stays_in_the_list(jobs: JobStore) -> None:
    again = replace(a_dataset("users", rows=1), snapshot_id="7")
    await jobs.put_dataset(again)
    await jobs.drop_dataset("users", SNAPSHOT_ID)
    assert await jobs.get_dataset("users") == again
    await jobs.drop_dataset("users", "7")
    assert await jobs.get_dataset("users") is None


# -- what has changed -----------------------------------------------------------------------------------------------------------


async def test_what_has_changed_since_comes_in_that_order(jobs: JobStore) -> None:
    begin = jobs.now()
    first, second, third = [await created(jobs, a_job(now=begin + timedelta(seconds=seconds))) for seconds in (1, 2, 3)]
    assert await jobs.changed(begin, 10) == [first, second, third]
    assert await jobs.changed(begin, 2) == [first, second]
    assert await jobs.changed(begin + timedelta(seconds=2), 10) == [second, third]
    again = await jobs.swap(second, replace(second, updated_at=begin + timedelta(seconds=4)))
    assert await jobs.changed(begin + timedelta(seconds=2), 10) == [third, again]
    await jobs.delete(again)
    assert await jobs.changed(begin + timedelta(seconds=2), 10) == [third]


async def test_a_process_hears_of_what_it_writes_itself(open_jobs: Opener[JobStore]) -> None:
    mine, theirs = await open_jobs(), await open_jobs()
    heard: list[Job] = []
    with mine.hear(heard.append):
        job, record = a_job(), a_record("scope", expires_at=mine.now() + timedelta(hours=1))
        job = await created(mine, job, record)
        await mine.create(a_job(), record)
        claimed = await mine.swap(job, transitions.claim(job, "worker", START, 30))
        with pytest.raises(Conflict):
            await mine.swap(job, job)
        plain = await created(mine)
        await created(theirs)
    await mine.swap(plain, plain)
    assert heard == [job, claimed, plain]


# -- deliveries -----------------------------------------------------------------------------------------------------------------


async def _ended(jobs: JobStore, seconds: float, *webhooks: str) -> Job:
    job = await created(jobs, a_job(now=START))
    told = tuple(Callback(url="", base_url="https://krai.example.org", webhook_id=name) for name in webhooks)
    ended = transitions.cancel(job, START + timedelta(seconds=seconds), keep_s=10**9)
    return await jobs.swap(job, replace(ended, deliveries=told))


async def test_deliveries_to_a_webhook_are_listed_by_the_end_of_their_job(jobs: JobStore) -> None:
    late, early = await _ended(jobs, 9, "a", "b"), await _ended(jobs, 1, "a")
    between = [await _ended(jobs, 5, "a") for _ in range(3)]
    await _ended(jobs, 6, "b")
    await created(jobs)
    pages: list[list[Job]] = []
    after = None
    while after is not None or not pages:
        page = await jobs.delivered("a", page_size=2, after=after)
        pages.append(list(page.jobs))
        after = page.next_page
    middle = sorted(between, key=lambda job: job.job_id, reverse=True)
    assert pages == [[late, middle[0]], middle[1:], [early]]
    assert list((await jobs.delivered("c", page_size=2, after=None)).jobs) == []


async def test_deliveries_go_with_their_job(jobs: JobStore) -> None:
    dropped, hidden, deleted = [await _ended(jobs, seconds, "a") for seconds in (1, 2, 3)]
    await jobs.swap(dropped, replace(dropped, deliveries=()))
    await jobs.swap(hidden, replace(hidden, delete_at=START))
    await jobs.delete(deleted)
    assert list((await jobs.delivered("a", page_size=10, after=None)).jobs) == []


async def test_a_page_of_deliveries_belongs_to_one_webhook(jobs: JobStore) -> None:
    for seconds in range(3):
        await _ended(jobs, seconds, "a", "b")
    token = (await jobs.delivered("a", page_size=1, after=None)).next_page
    assert len((await jobs.delivered("a", page_size=5, after=token)).jobs) == 2
    with pytest.raises(Terminal, match="invalid_page_token"):
        await jobs.delivered("b", page_size=1, after=token)
