"""Faults 9 and 12: the line to a store of the cloud is bad. Mode embedded has no lines: its stores are files.

What a lost answer is there, a death between the write and the answer, is fault 2.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from scripts.emulators import Emulators
from tests.acceptance.deployment import NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import Json
from tests.acceptance.krai_process import QUICK
from tests.acceptance.line import Line

pytestmark = pytest.mark.parametrize("mode", ["gcp"], scope="module")
PATIENCE_S = 10  # how long the API may keep its caller waiting for a store


@dataclass(frozen=True, slots=True)
class Lines:
    firestore: Line
    pubsub: Line
    storage: Line


@pytest.fixture(scope="module")
def lines() -> Iterator[Lines]:
    with ExitStack() as stack:
        yield Lines(*(stack.enter_context(Line()) for _ in range(3)))


@pytest.fixture(scope="module")
def emulators(emulators: Emulators, lines: Lines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Those of all tests, but for a storage of its own, which sends its clients through the line too."""
    own = Emulators(tmp_path_factory.mktemp("storage"))
    own.storage_seen_at = lines.storage.port
    own.firestore, own.pubsub = emulators.firestore, emulators.pubsub
    own.storage.start().wait_until_up()
    for line, emulator in ((lines.firestore, own.firestore), (lines.pubsub, own.pubsub), (lines.storage, own.storage)):
        line.server = emulator.host
    yield own
    own.storage.stop()


@pytest.fixture(scope="module")
def house(new_krai: NewKrai, lines: Lines) -> House:
    env = {
        "FIRESTORE_EMULATOR_HOST": lines.firestore.host,
        "PUBSUB_EMULATOR_HOST": lines.pubsub.host,
        "STORAGE_EMULATOR_HOST": f"http://{lines.storage.host}",
        # These tests are about a slow store, not about one that is gone for longer than a lease.
        "KRAI_LEASE_S": "20",
    }
    return build(new_krai(QUICK | env), rows=300_000)


@pytest.fixture(autouse=True)
def good_lines(lines: Lines) -> Iterator[None]:
    yield
    for line in (lines.firestore, lines.pubsub, lines.storage):
        line.mend()


# -- 9: the answer to create or publish is lost --------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["firestore", "pubsub"])
@pytest.mark.parametrize("silent", [False, pytest.param(True, marks=pytest.mark.long)], ids=["lost", "lost-then-silent"])
def test_fault_9_a_lost_answer_makes_no_second_job(house: House, lines: Lines, store: str, silent: bool) -> None:  # noqa: FBT001 - a case
    name = f"unheard-{store}-{silent}".lower()
    request = EXPORT | {"labels": {"case": name}}
    line = lines.firestore if store == "firestore" else lines.pubsub
    faults = line.faults
    line.lose_answer(name.encode() if store == "firestore" else b'"job_id"', then_stall=silent)

    began = time.monotonic()
    first = post(house, request, key=name)
    assert time.monotonic() - began < PATIENCE_S
    assert line.faults > faults, "no answer was lost"
    if store == "firestore" and silent:
        assert (first.status_code, first.json()["code"]) == (503, "store_busy")
        assert "retry-after" in first.headers
    else:
        assert first.status_code == 202, first.text
    line.mend()

    again = post(house, request, key=name)
    assert again.status_code == 202, again.text
    listed = house.krai.http.get("/api/v1/jobs", params={"label": f"case={name}"}).json()["jobs"]
    assert [job["job_id"] for job in listed] == [again.json()["job_id"]]
    house.export_is_whole(again.json()["job_id"])
    assert house.krai.job(again.json()["job_id"])["attempt"] == 1
    house.is_clean()


def post(house: House, request: Json, *, key: str) -> httpx.Response:
    return house.krai.http.post("/api/v1/exports", json=request, headers={"Idempotency-Key": key})


# -- 12: the storage is slow, silent, refuses, or breaks off -------------------------------------------------------------------


def worsen(line: Line, fault: str) -> None:
    match fault:
        case "slow":
            line.slow(4 << 20)
        case "stalled":
            line.stall()
        case "503":
            line.refuse(6)
        case "reset in mid chunk":
            line.break_off(4, after_bytes=200_000)


@pytest.mark.parametrize("fault", [pytest.param("slow", marks=pytest.mark.long), "stalled", "503", "reset in mid chunk"])
def test_fault_12_files_come_through_a_bad_line(house: House, lines: Lines, fault: str) -> None:
    request = house.import_request(f"through_{fault.replace(' ', '_')}")
    faults = lines.storage.faults
    exporting, importing = house.krai.submit_export(**EXPORT), house.krai.submit("imports", request)
    for job_id in (exporting, importing):
        house.krai.wait_until_attempt(job_id, 1)
    worsen(lines.storage, fault)
    if fault == "stalled":
        house.krai.job(importing, Prefer="wait=5")
        lines.storage.mend()
    for job_id in (exporting, importing):
        house.krai.wait_until_finished(job_id, within_s=90)
    lines.storage.mend()
    assert lines.storage.faults > faults
    house.export_is_whole(exporting)
    house.import_is_whole(importing)
    house.is_clean()


def test_fault_12_an_upload_that_took_effect_unheard(house: House, lines: Lines) -> None:
    """It is sent again, refused because it is there (412), and recognised as the same."""
    faults = lines.storage.faults
    lines.storage.lose_answer(b"/e1/people-")  # the name of the file, in the body that brings it
    job_id = house.krai.submit_export(**EXPORT)
    house.export_is_whole(job_id)
    assert lines.storage.faults > faults, "no answer was lost"
    assert house.krai.job(job_id)["attempt"] == 1
    house.is_clean()
