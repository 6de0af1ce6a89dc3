"""Fault 5: two SIGTERMs, a SIGINT, a SIGTERM during the start. The process ends with exit code 0, and nobody's job is lost."""

import random
import signal
import time

import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK, KraiProcess

GRACE_S = 60  # longer than any of these tests wait for an end
ENDED_WITHIN_S = 15
STARTS = 5
LONGEST_START_S = 3.0


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1", "KRAI_GRACE_S": str(GRACE_S)}), rows=20_000)


@pytest.mark.long
def test_fault_5_a_second_sigterm_does_not_wait_for_jobs(house: House) -> None:
    house.start()
    with house.runner.parsers_held():
        job_id = house.krai.submit_export(**EXPORT)
        assert house.krai.wait_until_attempt(job_id, 1)["status"] == "PROCESSING"
        house.runner.terminate()
        house.runner.still_lives(for_s=1)
        house.runner.terminate()
        assert house.runner.wait_until_dead(within_s=ENDED_WITHIN_S) == 0
    house.runner.wait_until_alone(within_s=5)
    handed_back = house.deployment.stores.job(job_id)
    assert (handed_back.status, handed_back.attempt) == ("PENDING", 0)
    house.start()
    house.export_is_whole(job_id)
    assert house.krai.job(job_id)["attempt"] == 1
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_5_two_sigterms_at_once(house: House) -> None:
    house.start()
    job_id = house.krai.submit_export(**EXPORT)
    for _ in range(2):
        house.runner.terminate()
    assert house.runner.wait_until_dead(within_s=ENDED_WITHIN_S) == 0
    house.start()
    house.export_is_whole(job_id)
    assert house.krai.job(job_id)["attempt"] == 1
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_5_sigint_is_as_good_as_sigterm(house: House) -> None:
    house.start()
    with house.runner.parsers_held():
        job_id = house.krai.submit_export(**EXPORT)
        assert house.krai.wait_until_attempt(job_id, 1)["status"] == "PROCESSING"
        house.runner.send(signal.SIGINT)
        house.runner.still_lives(for_s=1)
    assert house.runner.wait_until_dead(within_s=ENDED_WITHIN_S) == 0
    finished = house.deployment.stores.job(job_id)
    assert (finished.status, finished.attempt) == ("COMPLETED", 1)
    house.start()
    house.export_is_whole(job_id)
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_5_a_sigterm_during_the_start_loses_no_claim(house: House, moments: random.Random) -> None:
    """Before Python has come to krai's first line, SIGTERM ends the process as it ends any other."""
    house.start()
    with house.runner.parsers_held():
        job_id = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(job_id, 1)
        waiting = house.krai.submit_export(**EXPORT)
        house.runner.kill()
    for process in house.deployment.processes:
        for _ in range(STARTS):
            ends_when_told_during_its_start(process, moments.uniform(0, LONGEST_START_S))
    house.start()
    for left in (job_id, waiting):
        house.export_is_whole(left)
    assert house.krai.job(waiting)["attempt"] == 1
    house.is_clean()


def ends_when_told_during_its_start(process: KraiProcess, moment_s: float) -> None:
    process.spawn()
    time.sleep(moment_s)  # the moment is the fault
    process.terminate()
    assert process.wait_until_dead(within_s=ENDED_WITHIN_S) in {0, -signal.SIGTERM}
    process.wait_until_alone(within_s=5)
