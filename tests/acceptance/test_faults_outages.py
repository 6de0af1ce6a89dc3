"""Faults 10 and 11: a store forgets everything, or does not answer for longer than a lease. krai goes on without a restart.

In mode embedded the queue's messages are deleted, and somebody else holds the write lock of the database of jobs.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest

from krai.transitions import REPUBLISH_AFTER_S
from scripts import provision
from scripts.emulators import Emulators, running
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai, redeliver_soon
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK
from tests.acceptance.waiting import until

LEASE_S = float(QUICK["KRAI_LEASE_S"])
OUTAGE_S = LEASE_S + 5
IN_THE_OUTAGE = EXPORT | {"labels": {"case": "outage"}}
PATIENCE_S = 11  # how long the API may keep its caller waiting for a store


@pytest.fixture(scope="module")
def emulators(emulators: Emulators, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Others than those of all tests, which must not suffer."""
    assert emulators is not None
    with running(tmp_path_factory.mktemp("emulators")) as own:
        yield own


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1"}), rows=100_000)


# -- 10 -----------------------------------------------------------------------------------------------------------------------


def forget_all_messages(deployment: Deployment) -> None:
    if deployment.emulators is None:
        deployment.stores.forget_messages()
    else:
        deployment.emulators.pubsub.restart()
        project = deployment.env["GOOGLE_CLOUD_PROJECT"]
        provision.pubsub(deployment.emulators.pubsub.host, project)
        redeliver_soon(deployment.emulators, project)


@EMBEDDED_IN_THE_GATE
def test_fault_10_a_queue_that_forgets_everything(house: House) -> None:
    house.start()
    pid = house.runner.pid
    with house.runner.parsers_held():
        running_job = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(running_job, 1)
        waiting = [house.krai.submit_export(**EXPORT) for _ in range(5)]
        forget_all_messages(house.deployment)
        told_anew = house.krai.submit_export(**EXPORT)
    for job_id in (running_job, told_anew, *waiting):
        house.krai.wait_until_finished(job_id, within_s=REPUBLISH_AFTER_S + 30)
        house.export_is_whole(job_id)
        assert house.krai.job(job_id)["attempt"] == 1
    assert (house.runner.pid, house.runner.runs) == (pid, True)
    house.is_clean()


# -- 11 -----------------------------------------------------------------------------------------------------------------------


@contextmanager
def no_jobs_can_be_written(deployment: Deployment) -> Iterator[None]:
    """For the block, and for no less than `OUTAGE_S`."""
    began = time.monotonic()
    if deployment.emulators is None:
        with closing(sqlite3.connect(deployment.home / "jobs.sqlite", isolation_level=None)) as database:
            database.execute("BEGIN EXCLUSIVE")
            yield
            time.sleep(max(0.0, began + OUTAGE_S - time.monotonic()))  # the outage is the fault
            database.execute("ROLLBACK")
    else:
        deployment.emulators.firestore.freeze()
        try:
            yield
            time.sleep(max(0.0, began + OUTAGE_S - time.monotonic()))
        finally:
            deployment.emulators.firestore.thaw()


@EMBEDDED_IN_THE_GATE
def test_fault_11_a_store_of_jobs_that_is_silent_for_longer_than_a_lease(house: House) -> None:
    house.start()
    pid = house.runner.pid
    request = house.import_request("silence")
    with house.runner.parsers_held() as children:
        job_id = house.krai.submit("imports", request)
        house.krai.wait_until_attempt(job_id, 1)
        with no_jobs_can_be_written(house.deployment):
            fenced(children)
            api_says_so(house)
    house.krai.wait_until_attempt(job_id, 2, within_s=LEASE_S + 20)
    house.import_is_whole(job_id)
    assert house.krai.job(job_id)["attempt"] == 2
    again = house.krai.submit("exports", IN_THE_OUTAGE, key="in-the-outage")
    listed = house.krai.http.get("/api/v1/jobs", params={"label": "case=outage"}).json()["jobs"]
    assert [job["job_id"] for job in listed] == [again]
    house.export_is_whole(again)
    assert (house.runner.pid, house.runner.runs) == (pid, True)
    house.is_clean()


def fenced(children: list[psutil.Process]) -> None:
    """The worker, who cannot renew its lease, has ended the child before anybody else may take the job."""
    until("the children are gone", lambda: not any(child.is_running() for child in children), within_s=LEASE_S + 1)


def api_says_so(house: House) -> None:
    """503 with Retry-After, soon enough for a client to wait for it; and it is alive all the while."""
    began = time.monotonic()
    answer = house.krai.http.post("/api/v1/exports", json=IN_THE_OUTAGE, headers={"Idempotency-Key": "in-the-outage"})
    assert time.monotonic() - began < PATIENCE_S
    assert (answer.status_code, answer.json()["code"]) == (503, "store_busy")
    assert int(answer.headers["retry-after"]) >= 1
    assert house.krai.anonymous.get("/healthz").status_code == 200
