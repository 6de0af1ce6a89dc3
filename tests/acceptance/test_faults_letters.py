"""Fault 8: messages and jobs that lead nowhere. They are put aside and gone in seconds, and others do not notice."""

import json
from contextlib import suppress

import psutil
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, GCP_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.acceptance.waiting import until

SETTLED_WITHIN_S = 15
NO_JOB = "f" * 32
LEAD_NOWHERE = {
    "no JSON": '{"version": 1, "job_id"',
    "no object": "[1, 2, 3]",
    "no text": "\x00\x7f\u2028",
    "nothing": "{}",
    "another version": json.dumps({"version": 99, "job_id": NO_JOB, "type": "export"}),
    "an id that is none": json.dumps({"version": 1, "job_id": "../../etc", "type": "export"}),
    "a missing job": json.dumps({"version": 1, "job_id": NO_JOB, "type": "export"}),
}


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1", "KRAI_BACKOFF_S": "1"}), rows=200_000)


@GCP_IN_THE_GATE
def test_fault_8_messages_that_lead_nowhere_are_put_aside(house: House) -> None:
    house.start()
    with house.runner.parsers_held():
        before, after = house.krai.submit_export(**EXPORT), []
        for body in LEAD_NOWHERE.values():
            house.deployment.stores.send(body)
            after.append(house.krai.submit_export(dataset="users", limit=5))
    house.export_is_whole(before)
    for job_id in after:
        house.krai.result_of(job_id)
        assert house.krai.job(job_id)["attempt"] == 1
    until("all were put aside", lambda: house.runner.whole_log().count("dead letter") >= len(LEAD_NOWHERE), within_s=SETTLED_WITHIN_S)
    assert NO_JOB not in house.runner.whole_log(), "what anybody may have written is not repeated"
    house.is_clean()


@GCP_IN_THE_GATE
def test_fault_8_dead_letters_of_finished_and_running_jobs_change_nothing(house: House) -> None:
    house.start()
    stores = house.deployment.stores
    finished = house.krai.submit_export(**EXPORT)
    house.export_is_whole(finished)
    with house.runner.parsers_held():
        running = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(running, 1)
        for job_id in (finished, running):
            stores.bury(json.dumps({"version": 1, "job_id": job_id, "type": "export"}))
        until("both were settled", lambda: house.runner.whole_log().count("dead letter") >= 2, within_s=SETTLED_WITHIN_S)
    house.export_is_whole(running)
    assert house.krai.job(running)["attempt"] == 1
    house.is_clean()


@GCP_IN_THE_GATE
def test_fault_8_a_job_whose_message_was_put_aside_fails(house: House) -> None:
    house.start()
    with house.runner.parsers_held():
        running = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(running, 1)
        waiting = house.krai.submit_export(**EXPORT)
        house.deployment.stores.bury(json.dumps({"version": 1, "job_id": waiting, "type": "export"}))
        job = house.krai.wait_until_finished(waiting, within_s=SETTLED_WITHIN_S)
        assert (job["status"], job["error"]["code"], job["attempt"]) == ("FAILED", "dead_lettered", 0)
    house.export_is_whole(running)
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_8_a_poison_job_fails_and_harms_no_other(house: House) -> None:
    """Whichever worker takes it loses its child, three times."""
    house.start()
    with house.deployment.worker() as second:
        workers = [house.runner, second.spawn().wait_until_working()]
        poison = house.krai.submit("imports", house.import_request("poisoned"))
        others = [house.krai.submit_export(dataset="users", limit=5 + number) for number in range(10)]
        for attempt in (1, 2, 3):
            kill_the_child_of(house, workers, f"{poison}-e{attempt}")
        job = house.krai.wait_until_finished(poison, within_s=SETTLED_WITHIN_S)
        assert (job["status"], job["error"]["code"], job["attempt"]) == ("FAILED", "parser_crashed", 3)
        for number, job_id in enumerate(others):
            assert house.krai.result_of(job_id)["records"] == 5 + number
            assert house.krai.job(job_id)["attempt"] == 1
        assert house.krai.http.get("/api/v1/datasets/poisoned").status_code == 404
        house.is_clean()


def kill_the_child_of(house: House, workers: list[KraiProcess], folder: str) -> None:
    """The only child of the worker that makes files in this folder."""

    def busy() -> list[KraiProcess]:
        return [worker for worker in workers if (house.deployment.stores.spool / str(worker.pid) / folder).exists()]

    (worker,) = until(f"somebody works on {folder}", busy, within_s=30)
    for child in worker.parsers():
        with suppress(psutil.NoSuchProcess):
            child.kill()
