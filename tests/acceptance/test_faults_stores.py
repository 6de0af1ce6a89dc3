"""Faults 2 and 17: the process dies between two stores, or within one. `main.py` is killed, started again, and nothing shows."""

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from krai import failpoint
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import FINISHED, Json, KraiClient
from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.acceptance.ledger import databases_are_intact, ledger_is_clean

KILLS = 10
UNTOLD = "after_create"  # nobody was told of the job; only the sweep finds it, so its tests share one wait
IN_AN_IMPORT = sorted(failpoint.NAMES - {UNTOLD})
IN_AN_EXPORT = sorted(failpoint.NAMES - {UNTOLD, "before_commit", "after_commit"})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with KraiProcess(tmp_path_factory.mktemp("small") / "data", env=QUICK) as process:
        yield build(process, rows=20_000)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    quicker = QUICK | {"KRAI_LEASE_S": "1", "KRAI_HEARTBEAT_S": "0.3"}
    with KraiProcess(tmp_path_factory.mktemp("large") / "data", env=quicker) as process:
        yield build(process, rows=1_000_000)


@pytest.fixture
def moments() -> random.Random:
    seed = os.environ.get("KRAI_TEST_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"replay with KRAI_TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311 - moments, not secrets


# -- 2: named failpoints ----------------------------------------------------------------------------------------------------


def die(house: House, name: str, noun: str, request: Json) -> None:
    """The process dies at the failpoint while it has this request."""
    with suppress(httpx.TransportError):
        house.krai.submit(noun, request, key=f"{noun}-{name}")
    assert house.process.wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"


def ask_again(house: House, name: str, noun: str, request: Json) -> str:
    """The client, who may not know its job, sends the same request with the same key; there is one job of it."""
    job_id = house.krai.submit(noun, request, key=f"{noun}-{name}")
    query = {"type": noun.removesuffix("s"), "label": f"died={name}"}
    listed = house.krai.http.get("/api/v1/jobs", params=query).json()["jobs"]
    assert [job["job_id"] for job in listed] == [job_id]
    return job_id


def labelled(request: Json, name: str) -> Json:
    return request | {"labels": {"died": name}}


@pytest.mark.parametrize("name", IN_AN_IMPORT)
def test_fault_2_an_import_survives_death(small: House, name: str) -> None:
    small.process.start(KRAI_FAIL=name)
    request = labelled(small.import_request(f"import_{name}"), name)
    die(small, name, "imports", request)
    small.process.start()
    job_id = ask_again(small, name, "imports", request)
    small.import_is_whole(job_id)
    assert small.krai.job(job_id)["attempt"] <= 2
    small.is_clean()


@pytest.mark.parametrize("name", IN_AN_EXPORT)
def test_fault_2_an_export_survives_death(small: House, name: str) -> None:
    small.process.start(KRAI_FAIL=name)
    request = labelled(EXPORT, name)
    die(small, name, "exports", request)
    small.process.start()
    job_id = ask_again(small, name, "exports", request)
    small.export_is_whole(job_id)
    assert small.krai.job(job_id)["attempt"] <= 2
    small.is_clean()


# -- 17: SQLite -------------------------------------------------------------------------------------------------------------


def test_fault_17_no_acknowledged_job_is_lost(small: House, moments: random.Random) -> None:
    for _ in range(3):
        small.process.start()
        with ThreadPoolExecutor(4) as clients:
            posting = [clients.submit(post_until_it_dies, small.process.base_url) for _ in range(4)]
            small.process.kill_after(moments.uniform(0.3, 0.8))
        acknowledged = [job_id for posted in posting for job_id in posted.result()]
        databases_are_intact(small.process.data_dir)
        small.process.start()
        assert acknowledged, "the kill came before the first answer"
        for job_id in acknowledged:
            assert small.krai.wait_until_finished(job_id)["status"] == "COMPLETED"


def post_until_it_dies(base_url: str) -> list[str]:
    made: list[str] = []
    with KraiClient(base_url) as krai, suppress(httpx.TransportError):
        while len(made) < 6:
            made.append(krai.submit_export(dataset="people", limit=5))
    return made


# -- 2: what only the sweep finds -------------------------------------------------------------------------------------------


def test_fault_2_jobs_that_nobody_was_told_of_are_found(small: House) -> None:
    """These, and those whose clients got no answer in the test above: one ledger holds for both."""
    small.process.start()
    imported, exported = labelled(small.import_request("untold"), UNTOLD), labelled(EXPORT, UNTOLD)
    for noun, request in (("imports", imported), ("exports", exported)):
        small.process.start(KRAI_FAIL=UNTOLD)
        die(small, UNTOLD, noun, request)
    small.process.start()
    small.import_is_whole(ask_again(small, UNTOLD, "imports", imported))
    small.export_is_whole(ask_again(small, UNTOLD, "exports", exported))
    small.is_clean()


# -- 2: random moments ------------------------------------------------------------------------------------------------------


def kill_at_random(house: House, noun: str, requests: Iterator[Json], longest_s: float, moments: random.Random) -> list[str]:
    """The jobs that were running while `main.py` was killed ten times; a new one follows each that finished before its kill."""
    jobs: list[str] = []
    attempt = 0
    for _ in range(KILLS):
        if not jobs or house.krai.job(jobs[-1])["status"] in FINISHED:
            jobs.append(house.krai.submit(noun, next(requests)))
            attempt = 0
        attempt = house.krai.wait_until_attempt(jobs[-1], attempt + 1)["attempt"]
        house.process.kill_after(moments.uniform(0, longest_s))
        databases_are_intact(house.process.data_dir)
        house.process.start()
    return jobs


def test_fault_2_an_import_survives_ten_kills(large: House, moments: random.Random) -> None:
    large.process.start()
    upload = large.import_request("killed")
    requests = (upload | {"dataset": f"killed_{number}"} for number in range(KILLS))
    for job_id in kill_at_random(large, "imports", requests, large.import_s, moments):
        large.import_is_whole(job_id)
    large.is_clean()


def test_fault_2_an_export_survives_ten_kills(large: House, moments: random.Random) -> None:
    large.process.start()
    requests = (EXPORT | {"labels": {"number": str(number)}} for number in range(KILLS))
    for job_id in kill_at_random(large, "exports", requests, large.export_s, moments):
        large.export_is_whole(job_id)
    large.is_clean()


def test_fault_2_a_first_start_that_is_killed_is_made_good(tmp_path: Path, moments: random.Random) -> None:
    with KraiProcess(tmp_path / "data", env=QUICK) as process:
        for _ in range(4):
            process.spawn().kill_after(moments.uniform(0.3, 3))
        krai = process.start().client
        assert krai.dataset("users")["rows"] == krai.export(dataset="users")["records"] == 10_000
        krai.import_(source="salesforce")
        ledger_is_clean(process.data_dir, krai.seen)
