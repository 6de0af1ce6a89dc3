"""Fault 3: a worker stands still for longer than its lease, with its children, and then goes on as if nothing had happened."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, GCP_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import Json
from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.acceptance.waiting import until

TAKEN_OVER_WITHIN_S = float(QUICK["KRAI_LEASE_S"]) + float(QUICK["KRAI_SWEEP_S"]) + 5
NOTICED_WITHIN_S = 10


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1"}), rows=500_000)


@contextmanager
def zombie(house: House, noun: str, request: Json) -> Iterator[tuple[str, KraiProcess, list[psutil.Process]]]:
    """A job, the worker that stands still over it, and the children it had then; at the end the runner has taken the job over."""
    with house.deployment.worker(KRAI_HEARTBEAT_S="0.05") as worker:
        with house.runner.parsers_held():
            house.krai.wait_until_attempt(house.krai.submit_export(dataset="users"), 1)
            worker.spawn().wait_until_working()
            job_id = house.krai.submit(noun, request)
            assert house.krai.wait_until_attempt(job_id, 1)["status"] == "PROCESSING"
            in_the_making = house.deployment.stores.spool / str(worker.pid) / f"{job_id}-e1"
            until("a child has begun", in_the_making.exists, within_s=30)
            if noun == "imports":
                # By then it has looked whether its rows are there already, which they will be when its child goes on.
                until("it reads", lambda: house.krai.job(job_id)["stage"] != "queued", within_s=30)
            children = worker.parsers()
            worker.freeze()
        assert house.krai.wait_until_attempt(job_id, 2, within_s=TAKEN_OVER_WITHIN_S)["attempt"] == 2
        yield job_id, worker, children


def gives_up(worker: KraiProcess, children: list[psutil.Process]) -> None:
    """The worker notices that the job is not its own any more, ends the child that worked on it, and lives on."""
    until("its children are gone", lambda: not any(child.is_running() for child in children), within_s=NOTICED_WITHIN_S)
    until("it has another child", worker.parsers, within_s=NOTICED_WITHIN_S)
    until("it says so", lambda: "lease lost" in worker.log(), within_s=NOTICED_WITHIN_S)
    assert worker.runs


def its_children_go_on(house: House, job_id: str, children: list[psutil.Process]) -> None:
    """They wake before their worker and write what they can, long after the job has ended."""
    stores = house.deployment.stores
    for child in children:
        child.resume()

    def written() -> bool:
        return any(f"/{job_id}/e1/" in path for path in (*stores.files(f"jobs/{job_id}/"), *stores.parts()))

    until("there is a file of the first attempt", written, within_s=30)


@EMBEDDED_IN_THE_GATE
def test_fault_3_an_import_outlives_its_zombie(house: House) -> None:
    house.start()
    with zombie(house, "imports", house.import_request("haunted")) as (job_id, worker, children):
        finished = house.krai.wait_until_finished(job_id)
        its_children_go_on(house, job_id, children)
        worker.thaw()
        gives_up(worker, children)
        assert house.krai.job(job_id) == finished
        house.import_is_whole(job_id)
        assert (finished["status"], finished["attempt"]) == ("COMPLETED", 2)
        house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_3_an_export_outlives_its_zombie(house: House) -> None:
    house.start()
    with zombie(house, "exports", EXPORT) as (job_id, worker, children):
        finished = house.krai.wait_until_finished(job_id)
        its_children_go_on(house, job_id, children)
        worker.thaw()
        gives_up(worker, children)
        assert house.krai.job(job_id) == finished
        house.export_is_whole(job_id)
        assert (finished["status"], finished["attempt"]) == ("COMPLETED", 2)
        house.is_clean()


@GCP_IN_THE_GATE
def test_fault_3_a_zombie_wakes_while_another_works(house: House) -> None:
    house.start()
    with zombie(house, "imports", house.import_request("haunted_early")) as (job_id, worker, children):
        with house.runner.parsers_held():
            worker.thaw()
            gives_up(worker, children)
        house.import_is_whole(job_id)
        assert house.krai.job(job_id)["attempt"] == 2
        house.is_clean()
