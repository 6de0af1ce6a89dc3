"""Fault 2: a process dies between two stores. It is started again, and nothing shows."""

import random
import signal
from contextlib import suppress

import httpx
import pytest

from krai import failpoint
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, MODES, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import FINISHED, Json
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import ledger_is_clean

KILLS = {"embedded": 10, "gcp": 5}
UNTOLD = "after_create"  # nobody was told of the job; only the sweep finds it, so its tests share one wait
# tests/acceptance/test_fair_order.py, test_callbacks.py, test_bigquery.py, test_postgres.py
ELSEWHERE = {"after_release", "before_callback", "after_callback", "after_stage", "after_extract", "after_copy", "during_commit"}
IN_AN_IMPORT = sorted(failpoint.NAMES - {UNTOLD} - ELSEWHERE)
IN_THE_GATE = {"embedded": {"after_upload", "before_commit", "after_commit", "before_finish"}, "gcp": {"after_commit"}}
IN_EITHER_MODE = [
    pytest.param(mode, name, marks=[] if name in IN_THE_GATE[mode] else [pytest.mark.long]) for mode in MODES for name in IN_AN_IMPORT
]
IN_AN_EXPORT = sorted(set(IN_AN_IMPORT) - {"before_commit", "after_commit"})


@pytest.fixture(scope="module")
def small(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK), rows=20_000)


@pytest.fixture(scope="module")
def large(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_LEASE_S": "1", "KRAI_HEARTBEAT_S": "0.3"}), rows=1_000_000)


# -- 2: named failpoints ----------------------------------------------------------------------------------------------------


def die(house: House, name: str, noun: str, request: Json, at: str | None = None) -> None:
    """The process dies at the failpoint of this name, or at another, while it has this request."""
    with suppress(httpx.TransportError):
        house.krai.submit(noun, request, key=f"{noun}-{name}")
    assert house.deployment.dies_at(at or name).wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"


def ask_again(house: House, name: str, noun: str, request: Json) -> str:
    """The client, who may not know its job, sends the same request with the same key; there is one job of it."""
    job_id = house.krai.submit(noun, request, key=f"{noun}-{name}")
    query = {"type": noun.removesuffix("s"), "label": f"died={name}"}
    listed = house.krai.http.get("/api/v1/jobs", params=query).json()["jobs"]
    assert [job["job_id"] for job in listed] == [job_id]
    return job_id


def labelled(request: Json, name: str) -> Json:
    return request | {"labels": {"died": name}}


@pytest.mark.parametrize(("mode", "name"), IN_EITHER_MODE, indirect=["mode"], scope="module")
def test_fault_2_an_import_survives_death(small: House, name: str) -> None:
    small.start(KRAI_FAIL=name)
    request = labelled(small.import_request(f"import_{name}"), name)
    die(small, name, "imports", request)
    small.start()
    job_id = ask_again(small, name, "imports", request)
    small.import_is_whole(job_id)
    assert small.krai.job(job_id)["attempt"] <= 2
    small.is_clean()


@pytest.fixture(scope="module")
def there(small: House) -> Json:
    """An import that has been made: an upsert of the same rows changes none, so whatever is there twice, or gone, shows."""
    small.start()
    first = small.import_request("upserted")
    small.krai.import_(**first)
    return first | {"mode": "upsert", "key": ["id"]}


@EMBEDDED_IN_THE_GATE
@pytest.mark.parametrize("name", ["before_commit", "after_commit"])
def test_fault_2_an_upsert_survives_death(small: House, there: Json, name: str) -> None:
    small.start(KRAI_FAIL=name)
    request = labelled(there, f"upsert-{name}")
    die(small, f"upsert-{name}", "imports", request, at=name)
    small.start()
    job_id = ask_again(small, f"upsert-{name}", "imports", request)
    small.import_is_whole(job_id)
    assert small.krai.result(job_id)["records_updated"] == small.rows
    small.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_2_an_undo_survives_death(small: House, there: Json) -> None:
    small.start()
    upserted = small.krai.import_(**there)["job_id"]
    small.start(KRAI_FAIL="after_commit")
    die(small, "after_commit", f"jobs/{upserted}/undo", {})
    small.start()
    undone = small.krai.result_of(small.krai.submit(f"jobs/{upserted}/undo", {}, key=f"jobs/{upserted}/undo-after_commit"))
    assert (undone["records_removed"], undone["records_restored"], undone["records_kept"]) == (small.rows, small.rows, 0)
    small.import_is_whole(upserted)
    small.is_clean()


@pytest.mark.long
@pytest.mark.parametrize("name", IN_AN_EXPORT)
def test_fault_2_an_export_survives_death(small: House, name: str) -> None:
    small.start(KRAI_FAIL=name)
    request = labelled(EXPORT, name)
    die(small, name, "exports", request)
    small.start()
    job_id = ask_again(small, name, "exports", request)
    small.export_is_whole(job_id)
    assert small.krai.job(job_id)["attempt"] <= 2
    small.is_clean()


# -- 2: what only the sweep finds -------------------------------------------------------------------------------------------


@EMBEDDED_IN_THE_GATE
def test_fault_2_jobs_that_nobody_was_told_of_are_found(small: House) -> None:
    """These, and those whose clients got no answer in the test above: one ledger holds for both."""
    small.start()
    imported, exported = labelled(small.import_request("untold"), UNTOLD), labelled(EXPORT, UNTOLD)
    for noun, request in (("imports", imported), ("exports", exported)):
        small.start(KRAI_FAIL=UNTOLD)
        die(small, UNTOLD, noun, request)
    small.start()
    small.import_is_whole(ask_again(small, UNTOLD, "imports", imported))
    small.export_is_whole(ask_again(small, UNTOLD, "exports", exported))
    small.is_clean()


# -- 2: random moments ------------------------------------------------------------------------------------------------------


def kill_at_random(house: House, noun: str, requests: list[Json], moments: random.Random) -> list[str]:
    """The jobs that were running while their process was killed, once for each request; a new one follows each that finished before."""
    lasts_s = house.import_s if noun == "imports" else house.export_s
    jobs: list[str] = []
    attempt = 0
    for _ in range(len(requests)):
        if not jobs or house.krai.job(jobs[-1])["status"] in FINISHED:
            jobs.append(house.krai.submit(noun, requests[len(jobs)]))
            attempt = 0
        attempt = house.krai.wait_until_attempt(jobs[-1], attempt + 1)["attempt"]
        house.runner.kill_after(moments.uniform(0, lasts_s))
        house.deployment.stores.check()
        house.start()
    return jobs


@pytest.mark.long
def test_fault_2_an_import_survives_many_kills(large: House, mode: str, moments: random.Random) -> None:
    large.start()
    upload = large.import_request("killed")
    requests = [upload | {"dataset": f"killed_{number}"} for number in range(KILLS[mode])]
    for job_id in kill_at_random(large, "imports", requests, moments):
        large.import_is_whole(job_id)
    large.is_clean()


@pytest.mark.long
def test_fault_2_an_export_survives_many_kills(large: House, mode: str, moments: random.Random) -> None:
    large.start()
    requests = [EXPORT | {"labels": {"number": str(number)}} for number in range(KILLS[mode])]
    for job_id in kill_at_random(large, "exports", requests, moments):
        large.export_is_whole(job_id)
    large.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_2_a_first_start_that_is_killed_is_made_good(new_krai: NewKrai, moments: random.Random) -> None:
    deployment = new_krai(QUICK)
    for _ in range(4):
        deployment.runner.spawn().kill_after(moments.uniform(0.3, 3))
    krai = deployment.start().krai
    assert krai.dataset("users")["rows"] == krai.export(dataset="users")["records"] == 10_000
    krai.import_(source="salesforce")
    ledger_is_clean(deployment)
