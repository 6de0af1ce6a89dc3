"""Faults 7 and 18: a wake-up call comes twenty times; a job is cancelled at the worst of moments."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, GCP_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import FINISHED
from tests.acceptance.krai_process import QUICK

CANCELLED_WITHIN_S = 5
TIMES = {"embedded": 12, "gcp": 8}


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1"}), rows=100_000)


@contextmanager
def more_workers(house: House) -> Iterator[None]:
    with ExitStack() as stack:
        workers = [stack.enter_context(house.deployment.worker(KRAI_SLOTS="2")).spawn() for _ in range(2)]
        for worker in workers:
            worker.wait_until_working()
        yield


@GCP_IN_THE_GATE
def test_fault_7_twenty_calls_for_a_job_run_it_once(house: House) -> None:
    with house.runner.parsers_held():
        job_id = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(job_id, 1)
        with more_workers(house):
            house.deployment.stores.publish(house.deployment.stores.job(job_id), 20)
            running = house.krai.job(job_id, Prefer="wait=3")  # time for five slots to hear of it
            assert (running["status"], running["attempt"]) == ("PROCESSING", 1)
    house.export_is_whole(job_id)
    house.is_clean()


@GCP_IN_THE_GATE
def test_fault_7_twenty_calls_for_a_finished_job_change_nothing(house: House) -> None:
    stores = house.deployment.stores
    job_id = house.krai.submit_export(**EXPORT)
    with more_workers(house):
        house.export_is_whole(job_id)
        finished = stores.job(job_id)
        stores.publish(finished, 20)
        house.is_clean()
        assert stores.job(job_id) == finished
    assert (finished.attempt, finished.epoch) == (1, 1)


def cancel(house: House, job_id: str) -> httpx.Response:
    return house.krai.http.post(f"/api/v1/jobs/{job_id}/cancel")


def leaves_nothing(house: House, job_id: str) -> None:
    """No file of a cancelled job is there, and no row of it."""
    assert house.deployment.stores.files(f"jobs/{job_id}/") == {}
    answer = house.krai.http.get(f"/api/v1/jobs/{job_id}/result")
    assert (answer.status_code, answer.json()["code"]) == (409, "job_cancelled")


@GCP_IN_THE_GATE
def test_fault_18_a_job_cancelled_before_or_while_it_runs_stops_in_seconds(house: House) -> None:
    with house.runner.parsers_held():
        running = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(running, 1)
        waiting = house.krai.submit_export(**EXPORT)
        for job_id in (waiting, running):
            assert cancel(house, job_id).status_code == 202
            assert house.krai.wait_until_finished(job_id, within_s=CANCELLED_WITHIN_S)["status"] == "CANCELLED"
            assert cancel(house, job_id).status_code == 409
    house.is_clean()
    for job_id in (waiting, running):
        leaves_nothing(house, job_id)


@EMBEDDED_IN_THE_GATE
@pytest.mark.parametrize("noun", ["exports", "imports"])
def test_fault_18_a_cancel_at_any_moment_ends_in_one_of_two_ways(house: House, mode: str, noun: str) -> None:
    times = TIMES[mode]
    lasts_s = house.export_s if noun == "exports" else house.import_s
    upload = house.import_request("cancelled")
    ended: dict[str, str] = {}
    for number in range(times):
        request = EXPORT if noun == "exports" else upload | {"dataset": f"cancelled_{number}"}
        job_id = house.krai.submit(noun, request)
        time.sleep(lasts_s * 1.5 * number / times)  # the moment is the fault: from at once to about the end
        if number == times - 1:
            house.krai.wait_until_finished(job_id)
        for _ in range(2):
            assert cancel(house, job_id).status_code in {202, 409}
        ended[job_id] = house.krai.wait_until_finished(job_id, within_s=CANCELLED_WITHIN_S)["status"]
        if noun == "imports":
            found = house.krai.http.get(f"/api/v1/datasets/cancelled_{number}")
            assert (found.status_code == 200) == (ended[job_id] == "COMPLETED")
    house.is_clean()
    assert set(ended.values()) == FINISHED - {"FAILED"}
    for job_id, status in ended.items():
        if status == "CANCELLED":
            leaves_nothing(house, job_id)
        elif noun == "exports":
            house.export_is_whole(job_id)
