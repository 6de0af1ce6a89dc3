"""Fault 19: many claim one job at the same moment, and many workers share many jobs. Each has one winner."""

import asyncio
from contextlib import AsyncExitStack, ExitStack

import pytest

from krai import transitions
from krai.claim import Terms, claim
from krai.job import Job, Kind
from krai.lease import Lease
from krai.ports import Stores
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK

CLAIMERS = 50
WORKERS = 8
JOBS = {"embedded": 200, "gcp": 100}
TERMS = Terms(lease_s=3, heartbeat_s=1, backoff_s=1, keep_files_s=60)


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    # Workers that wait for a processor are no fault here.
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1", "KRAI_LEASE_S": "30", "KRAI_HEARTBEAT_S": "5"}), rows=1_000)


def test_fault_19_fifty_claims_at_once_have_one_winner(house: House) -> None:
    stores = house.deployment.stores

    async def claim_all(first: Stores) -> tuple[Job, list[Lease]]:
        """A job that nobody was told of, and the leases on it of all who claim it, each by stores of its own."""
        job = transitions.new(Kind.EXPORT, "people", EXPORT, created_by="crowd", now=first.jobs.now())
        await first.jobs.create(job)
        async with AsyncExitStack() as stack:
            crowd = [await stack.enter_async_context(stores.open()) for _ in range(CLAIMERS)]
            claimed = await asyncio.gather(*(claim(one, job.job_id, f"worker-{number}", TERMS) for number, one in enumerate(crowd)))
        return job, [one for one in claimed if isinstance(one, Lease)]

    job, leases = stores.use(claim_all)
    assert len(leases) == 1
    now = stores.job(job.job_id)
    assert (now.attempt, now.epoch, now.lease_owner) == (1, 1, leases[0].job.lease_owner)
    # The winner says nothing more, so its lease runs out and the runner takes the job over.
    house.export_is_whole(job.job_id)
    assert house.krai.job(job.job_id)["attempt"] == 2
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_19_many_jobs_and_eight_workers(house: House, mode: str) -> None:
    house.start()
    with ExitStack() as stack:
        workers = [stack.enter_context(house.deployment.worker()).spawn() for _ in range(WORKERS - 1)]
        for worker in workers:
            worker.wait_until_working()
        jobs = [house.krai.submit_export(dataset="people", limit=1 + number) for number in range(JOBS[mode])]
        for number, job_id in enumerate(jobs):
            assert house.krai.result_of(job_id, within_s=120)["records"] == 1 + number
        house.is_clean()
    ran = [stored for stored in house.deployment.stores.jobs() if stored.job_id in set(jobs)]
    assert {(job.attempt, job.epoch) for job in ran} == {(1, 1)}
    assert len(ran) == JOBS[mode]
