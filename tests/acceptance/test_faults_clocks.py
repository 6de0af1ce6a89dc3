"""Fault 15: the clock of one worker is wrong by an hour. Leases are judged by the clock of the store, so nobody takes over falsely.

Mode embedded has one machine, and one clock.
"""

import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.deployment import NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK, ROOT, KraiProcess

pytestmark = pytest.mark.parametrize("mode", ["gcp"], scope="module")
LONG_ENOUGH_S = 2 * float(QUICK["KRAI_LEASE_S"]) + 2 * float(QUICK["KRAI_SWEEP_S"])
HOUR_S = 3600


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1"}), rows=20_000)


def worker_with_wrong_clock(house: House, wrong_by_s: int) -> KraiProcess:
    return house.deployment.worker("tests/acceptance/wrong_clock.py", WRONG_BY_S=str(wrong_by_s), PYTHONPATH=str(ROOT))


def nobody_takes_it_over(house: House, job_id: str) -> None:
    owner = house.deployment.stores.job(job_id).lease_owner
    assert owner is not None
    deadline = time.monotonic() + LONG_ENOUGH_S
    while time.monotonic() < deadline:
        job = house.krai.job(job_id, Prefer="wait=1")
        assert (job["status"], job["attempt"]) == ("PROCESSING", 1)
    assert house.deployment.stores.job(job_id).lease_owner == owner


def has_run_once(house: House, job_id: str) -> None:
    house.export_is_whole(job_id)
    job = house.krai.job(job_id)
    assert job["attempt"] == 1
    for name in ("started_at", "finished_at", "updated_at"):
        assert abs(datetime.fromisoformat(job[name]) - datetime.now(UTC)) < timedelta(minutes=5), f"{name} is by the wrong clock"
    house.is_clean()


@pytest.mark.long
@pytest.mark.parametrize("wrong_by_s", [HOUR_S, -HOUR_S])
def test_fault_15_a_worker_with_a_wrong_clock_takes_nobodys_job(house: House, wrong_by_s: int) -> None:
    house.start()
    with worker_with_wrong_clock(house, wrong_by_s) as worker:
        with house.runner.parsers_held():
            job_id = house.krai.submit_export(**EXPORT)
            house.krai.wait_until_attempt(job_id, 1)
            worker.spawn().wait_until_working()
            nobody_takes_it_over(house, job_id)
        has_run_once(house, job_id)


@pytest.mark.parametrize("wrong_by_s", [HOUR_S, pytest.param(-HOUR_S, marks=pytest.mark.long)])
def test_fault_15_a_worker_with_a_wrong_clock_keeps_its_job(house: House, wrong_by_s: int) -> None:
    house.start()
    with worker_with_wrong_clock(house, wrong_by_s) as worker, ExitStack() as its_children:
        with house.runner.parsers_held():
            house.krai.wait_until_attempt(house.krai.submit_export(dataset="users"), 1)
            worker.spawn().wait_until_working()
            its_children.enter_context(worker.parsers_held())
            job_id = house.krai.submit_export(**EXPORT)
            house.krai.wait_until_attempt(job_id, 1)
        nobody_takes_it_over(house, job_id)  # the runner has nothing else to do now
        its_children.close()
        has_run_once(house, job_id)
