"""Fault 17: SQLite. A process is killed within a transaction. What a held lock does is in fault 11. Mode gcp has no SQLite."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx
import pytest

from tests.acceptance.deployment import NewKrai
from tests.acceptance.house import House, build
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.krai_process import QUICK
from tests.acceptance.waiting import until

pytestmark = pytest.mark.parametrize("mode", ["embedded"], scope="module")


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK), rows=20_000)


def test_fault_17_no_acknowledged_job_is_lost(house: House, moments: random.Random) -> None:
    for _ in range(3):
        house.start()
        acknowledged = die_at_work(house, moments.uniform(0, 0.3))
        house.deployment.stores.check()
        house.start()
        for job_id in acknowledged:
            assert house.krai.wait_until_finished(job_id)["status"] == "COMPLETED"


def die_at_work(house: House, after_s: float) -> list[str]:
    """Kill the server so long after it has acknowledged a job; the jobs it has acknowledged."""
    acknowledged: list[str] = []

    def post_until_it_dies() -> None:
        with KraiClient(house.deployment.api.base_url) as krai, suppress(httpx.TransportError):
            acknowledged.extend(krai.submit_export(dataset="people", limit=5) for _ in range(6))

    with ThreadPoolExecutor(4) as clients:
        for _ in range(4):
            clients.submit(post_until_it_dies)
        until("a job is acknowledged", lambda: acknowledged, within_s=30)
        house.runner.kill_after(after_s)
    return acknowledged
