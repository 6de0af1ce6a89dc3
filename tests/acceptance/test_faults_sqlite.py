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

pytestmark = pytest.mark.parametrize("mode", ["embedded"], scope="module")


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK), rows=20_000)


def test_fault_17_no_acknowledged_job_is_lost(house: House, moments: random.Random) -> None:
    for _ in range(3):
        house.start()
        with ThreadPoolExecutor(4) as clients:
            posting = [clients.submit(post_until_it_dies, house.deployment.api.base_url) for _ in range(4)]
            house.runner.kill_after(moments.uniform(0.3, 0.8))
        acknowledged = [job_id for posted in posting for job_id in posted.result()]
        house.deployment.stores.check()
        house.start()
        assert acknowledged, "the kill came before the first answer"
        for job_id in acknowledged:
            assert house.krai.wait_until_finished(job_id)["status"] == "COMPLETED"


def post_until_it_dies(base_url: str) -> list[str]:
    made: list[str] = []
    with KraiClient(base_url) as krai, suppress(httpx.TransportError):
        while len(made) < 6:
            made.append(krai.submit_export(dataset="people", limit=5))
    return made
