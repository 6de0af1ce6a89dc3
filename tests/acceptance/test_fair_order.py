"""One caller's many jobs, and another's one: the many wait their turn, the one does not wait for them."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import ledger_is_clean

SHARE, SLOTS = 4, 2
CROWD = int(os.environ.get("KRAI_TEST_CROWD", "80"))  # `make crowd` takes 10,000
# Sweeps are so far apart that nobody but the worker who ends a job gives the next one its turn.
RARELY = {"KRAI_SWEEP_S": "600", "KRAI_LEASE_S": "30", "KRAI_HEARTBEAT_S": "5"}
SWEEPING = {"KRAI_SWEEP_S": "0.5", "KRAI_LEASE_S": "3", "KRAI_HEARTBEAT_S": "0.5"}


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai(QUICK | RARELY | {"KRAI_QUOTA_RUNNING": str(SHARE), "KRAI_SLOTS": str(SLOTS)}).start()


@pytest.fixture
def other(krai: Deployment) -> Iterator[KraiClient]:
    """Another caller."""
    key = krai.krai.http.post("/token", json={"name": "other", "scopes": ["admin"]}).json()["key"]
    with KraiClient(krai.api.base_url, key) as client:
        yield client


def submit_many(krai: Deployment, count: int) -> list[str]:
    with ThreadPoolExecutor(4) as several:
        return list(several.map(lambda _: krai.krai.submit_export(dataset="users", limit=1), range(count)))


@EMBEDDED_IN_THE_GATE
def test_one_job_does_not_wait_for_the_many_of_another_caller(krai: Deployment, other: KraiClient) -> None:
    with krai.runner.parsers_held():
        many = submit_many(krai, CROWD)
        one = other.submit_export(dataset="users", limit=1)
    assert other.result_of(one, within_s=60)["records"] == 1
    for job_id in many:
        krai.krai.wait_until_finished(job_id, within_s=120)
    jobs = {job.job_id: job for job in krai.stores.jobs()}
    mine = jobs[one]
    assert mine.started_at is not None
    waited_s = (mine.started_at - mine.created_at).total_seconds()
    began = [job.started_at for job in map(jobs.__getitem__, many) if job.started_at is not None]
    lasted_s = (max(began) - mine.created_at).total_seconds()
    print(f"one job waited {waited_s:.1f} s among {CROWD} of another caller, the last of which waited {lasted_s:.1f} s")
    before = sum(mine.created_at <= moment < mine.started_at for moment in began)
    assert before <= 3 * SHARE, f"{before} of {CROWD} came before it"
    assert waited_s < 60
    assert {(jobs[job_id].status.value, jobs[job_id].attempt, jobs[job_id].epoch) for job_id in many} == {("COMPLETED", 1, 1)}
    ledger_is_clean(krai)


def died(krai: Deployment) -> None:
    assert krai.runner.wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"


@pytest.mark.long
def test_turns_survive_the_death_of_their_worker(krai: Deployment) -> None:
    """It dies when a job has finished and the next has not got its turn, then when a job's turn has come and nobody was told."""
    krai.start(**SWEEPING, KRAI_FAIL="after_finish")
    with krai.runner.parsers_held():
        jobs = submit_many(krai, 5 * SHARE)
    died(krai)
    krai.runner.spawn(**SWEEPING, KRAI_FAIL="after_release")
    died(krai)
    krai.start(**SWEEPING)
    for job_id in jobs:
        krai.krai.result_of(job_id, within_s=60)
    assert {job.held for job in krai.stores.jobs()} == {False}
    ledger_is_clean(krai)
