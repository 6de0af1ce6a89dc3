"""Taking a job when the store answers late, not at all, or another slot is faster."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from krai import transitions
from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.claim import Terms, claim
from krai.errors import Transient
from krai.job import Job, Progress, Stage, Status, format_time
from krai.lease import FENCE, Lease, LeaseLost
from krai.ports import Stores
from krai.verdict import Ack, Bury, Delay, Later
from tests.contract.examples import a_job

TERMS = Terms(lease_s=4, heartbeat_s=1, backoff_s=0.2, keep_files_s=60)


class Unreliable(LocalJobStore):
    """The embedded store behind a bad line: `lost` of its writes take effect without an answer, `refused` do not even arrive."""

    lost = 0
    refused = 0
    late_s = 0.0  # and the next one takes effect so much later than it was sent

    async def swap(self, seen: Job, then: Job) -> Job:
        late_s, self.late_s = self.late_s, 0.0
        await asyncio.sleep(late_s)
        if self.refused:
            self.refused -= 1
            raise Transient("store_busy")
        written = await super().swap(seen, then)
        if self.lost:
            self.lost -= 1
            raise Transient("store_busy")
        return written


@pytest.fixture
async def jobs(tmp_path: Path) -> AsyncIterator[Unreliable]:
    store = Unreliable(tmp_path / "jobs.sqlite")
    yield store
    await store.close()


@pytest.fixture
async def stores(tmp_path: Path, jobs: Unreliable) -> AsyncIterator[Stores]:
    queue, directory = LocalJobQueue(tmp_path / "queue.sqlite"), LocalDirectory(tmp_path / "directory.sqlite")
    yield Stores(jobs, queue, LocalBlobStore(tmp_path / "blobs", b"secret"), directory)
    await queue.close()
    await directory.close()


async def accepted(stores: Stores) -> str:
    job = replace(a_job(), created_at=stores.jobs.now())
    await stores.jobs.create(job)
    return job.job_id


async def test_a_claim_whose_answer_was_lost_is_known_for_ours(stores: Stores, jobs: Unreliable) -> None:
    job_id = await accepted(stores)
    jobs.lost = 1
    lease = await claim(stores, job_id, "me", TERMS)
    assert isinstance(lease, Lease)
    assert (lease.job.epoch, lease.job.attempt) == (1, 1)
    await is_fresh(lease)


async def test_a_claim_that_took_effect_late_is_renewed_before_anything_relies_on_it(stores: Stores, jobs: Unreliable) -> None:
    job_id = await accepted(stores)
    jobs.late_s = 1.2
    lease = await claim(stores, job_id, "me", replace(TERMS, lease_s=1, heartbeat_s=0.3))
    assert isinstance(lease, Lease)
    assert (lease.job.epoch, lease.job.attempt) == (1, 1)
    await is_fresh(lease)


async def is_fresh(lease: Lease) -> None:
    """For the store as for its owner."""
    assert lease.age_s < 0.3
    stored = await lease.store.get(lease.job.job_id)
    assert stored is not None
    assert stored.lease_until is not None
    assert (stored.lease_until - lease.store.now()).total_seconds() > lease.lease_s - 0.3
    await lease.renew()


async def test_a_claim_that_did_not_arrive_is_made_again(stores: Stores, jobs: Unreliable) -> None:
    job_id = await accepted(stores)
    jobs.refused = 2
    lease = await claim(stores, job_id, "me", TERMS)
    assert isinstance(lease, Lease)
    assert lease.job.epoch == 1


async def test_the_claim_of_another_slot_of_the_same_worker_is_not_ours(stores: Stores) -> None:
    job_id = await accepted(stores)
    claims = await asyncio.gather(*(claim(stores, job_id, "me", TERMS) for _ in range(20)))
    (won,) = [lease for lease in claims if isinstance(lease, Lease)]
    assert won.job.epoch == 1
    assert all(isinstance(verdict, Delay) for verdict in claims if verdict is not won)


async def test_a_store_that_stays_silent_is_asked_again_later(stores: Stores, jobs: Unreliable) -> None:
    job_id = await accepted(stores)
    jobs.refused = 1000
    assert await claim(stores, job_id, "me", TERMS) == Later()


async def test_a_message_of_no_job_is_buried(stores: Stores) -> None:
    assert await claim(stores, "unknown", "me", TERMS) == Bury("unknown_message")


async def test_a_call_that_hangs_is_cut_at_the_fence(stores: Stores) -> None:
    lease = await claim(stores, await accepted(stores), "me", replace(TERMS, lease_s=1))
    assert isinstance(lease, Lease)
    began_at = time.monotonic()
    with pytest.raises(LeaseLost):
        await lease.insist(lambda: asyncio.sleep(30))
    assert time.monotonic() - began_at < FENCE * 1 + 0.2


async def test_a_call_that_fails_until_the_fence_loses_the_lease(stores: Stores, jobs: Unreliable) -> None:
    lease = await claim(stores, await accepted(stores), "me", replace(TERMS, lease_s=1))
    assert isinstance(lease, Lease)
    jobs.refused = 1000
    began_at = time.monotonic()
    with pytest.raises(LeaseLost):
        await lease.renew()
    assert time.monotonic() - began_at < FENCE * 1 + 0.2


async def test_a_lease_notes_when_the_attempt_has_come_to_each_of_its_stages(stores: Stores) -> None:
    lease = await claim(stores, await accepted(stores), "me", TERMS)
    assert isinstance(lease, Lease)
    began_at = format_time(stores.jobs.now())
    for stage, rows in ((Stage.READING, 1), (Stage.READING, 2), (Stage.WRITING, 3), (Stage.READING, 4)):
        lease.advance(Progress(stage=stage, records_processed=rows))
    await lease.renew()
    read = await stores.jobs.get(lease.job.job_id)
    assert read is not None
    assert [phase["stage"] for phase in read.progress.phases] == ["reading", "writing"]
    assert began_at <= read.progress.phases[0]["started_at"] <= read.progress.phases[1]["started_at"]
    assert read.progress.records_processed == 4


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
def test_a_finished_job_refuses_every_transition(end: Status) -> None:
    now = a_job().created_at
    job = transitions.claim(a_job(), "me", now, 30)
    finished = replace(job, status=end)
    steps: tuple[Callable[[], Job], ...] = (
        lambda: transitions.complete(finished, {}, job.progress, now, keep_s=1),
        lambda: transitions.fail(finished, Transient("store_busy"), now, keep_s=1),
        lambda: transitions.cancel(finished, now, keep_s=1),
        lambda: transitions.postpone(finished, Transient("store_busy"), now, delay_s=1),
        lambda: transitions.hand_back(finished, now),
    )
    for step in steps:
        with pytest.raises(ValueError, match="stays so"):
            step()


async def test_a_message_of_a_finished_job_has_what_its_dead_worker_left_removed(stores: Stores, tmp_path: Path) -> None:
    job = await stores.jobs.create(a_job(now=stores.jobs.now()))
    assert isinstance(job, Job)
    for owner in ("dead", "dead too"):
        job = await stores.jobs.swap(job, transitions.claim(job, owner, stores.jobs.now(), 0))
        (tmp_path / "file").write_bytes(b"id\n")
        stores.blobs.put(f"jobs/{job.job_id}/e{job.epoch}/users.csv", tmp_path / "file")
    result = {"files": [{"path": f"jobs/{job.job_id}/e2/users.csv"}]}
    await stores.jobs.swap(job, transitions.complete(job, result, job.progress, stores.jobs.now(), keep_s=60))
    assert await claim(stores, job.job_id, "me", TERMS) == Ack()
    assert [blob.path for blob in stores.blobs.list(f"jobs/{job.job_id}/")] == [f"jobs/{job.job_id}/e2/users.csv"]
