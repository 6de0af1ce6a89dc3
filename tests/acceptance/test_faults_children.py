"""Fault 6: the child that reads the file dies, runs for ever or wants all memory. The worker stays, and says what happened."""

import gzip
import io
import signal
from contextlib import suppress

import psutil
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_client import FINISHED, KraiClient
from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.acceptance.waiting import until

pytestmark = EMBEDDED_IN_THE_GATE

CAP_MB = 512


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    # The back-off is time enough for the next child to be ready, and the table is large enough to catch it at work.
    env = QUICK | {"KRAI_SLOTS": "1", "KRAI_BACKOFF_S": "2", "KRAI_CHILD_MEMORY_MB": str(CAP_MB)}
    return build(new_krai(env), rows=200_000)


@pytest.fixture(autouse=True)
def a_fresh_process(house: House) -> None:
    house.start()


def crash(children: list[psutil.Process], number: signal.Signals = signal.SIGKILL) -> None:
    """The children die of a signal, and are gone."""
    for child in children:
        child.send_signal(number)
        with suppress(psutil.NoSuchProcess):
            child.resume()  # one that stands still dies of SIGKILL alone
    psutil.wait_procs(children, timeout=5)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV])
def test_fault_6_a_crashed_child_is_replaced_and_the_job_tried_again(house: House, number: signal.Signals) -> None:
    pid = house.runner.pid
    with house.runner.parsers_held() as held:
        job_id = house.krai.submit_export(**EXPORT)
        house.krai.wait_until_attempt(job_id, 1)
        crash(held, number)
    house.export_is_whole(job_id)
    assert house.krai.job(job_id)["attempt"] == 2
    assert (house.runner.pid, psutil.Process(pid).is_running()) == (pid, True)
    house.is_clean()


def test_fault_6_a_job_that_crashes_three_children_fails(house: House) -> None:
    job_id = house.krai.submit_import(dataset="crashing", source={"upload_id": house.krai.upload(long_work_ndjson())})
    for attempt in (1, 2, 3):
        assert house.krai.wait_until_attempt(job_id, attempt)["attempt"] == attempt
        crash(house.runner.parsers())
    job = house.krai.wait_until_finished(job_id, within_s=10)
    assert (job["status"], job["error"]["code"], job["attempt"]) == ("FAILED", "parser_crashed", 3)
    assert house.krai.http.get("/api/v1/datasets/crashing").status_code == 404
    assert_still_serves(house)
    house.is_clean()


def test_fault_6_the_process_that_forks_the_children_is_replaced_too(house: House) -> None:
    (forking,) = {child.parent() for child in house.runner.parsers()}
    assert forking is not None
    with house.runner.parsers_held() as held:
        forking.suspend()
        crash(held)  # from here on the worker waits for another child, which the suspended process does not give it
        job_id = house.krai.submit_export(**EXPORT)
    forking.kill()
    house.export_is_whole(job_id)
    house.is_clean()


def test_fault_6_a_job_that_never_ends_is_ended(house: House) -> None:
    house.start(KRAI_JOB_TIMEOUT_S="2")
    pid = house.runner.pid
    with house.runner.parsers_held():
        job = house.krai.wait_until_finished(house.krai.submit_export(**EXPORT), within_s=15)
    assert (job["status"], job["error"]["code"]) == ("FAILED", "job_timeout")
    assert psutil.Process(pid).is_running()
    assert_still_serves(house)
    house.is_clean()


def test_fault_6_a_file_that_unpacks_to_more_memory_than_there_is(house: House) -> None:
    """A few kilobytes of Parquet whose one row group is 3 GB: read in small pieces, or refused, but never beyond the cap."""
    pid = house.runner.pid
    job_id = house.krai.submit_import(dataset="swollen", source={"upload_id": house.krai.upload(swollen_parquet())})
    peak_mb = watch_memory(house.krai, house.runner, job_id)
    job = house.krai.job(job_id)
    code = job["error"]["code"] if job["status"] == "FAILED" else None
    assert (job["status"], code) in {("FAILED", "memory_limit"), ("COMPLETED", None)}
    assert peak_mb < CAP_MB * 1.25
    assert psutil.Process(pid).is_running()
    assert_still_serves(house)
    house.is_clean()


def long_work_ndjson() -> bytes:
    """A small file that keeps a child busy for longer than anybody here may be asleep: two million objects, each read by itself."""
    return gzip.compress(b'{"a": {"b": 1}}\n{"c": [1]}\n' * 1_000_000, compresslevel=1)


def swollen_parquet() -> bytes:
    cell = pa.DictionaryArray.from_arrays(pa.array([0] * 400, pa.int32()), pa.array(["x" * (8 << 20)]))
    sink = io.BytesIO()
    pa.parquet.write_table(pa.table({"cell": cell}), sink, compression="zstd")
    return sink.getvalue()


def watch_memory(krai: KraiClient, process: KraiProcess, job_id: str) -> float:
    """The most resident memory in MiB that any one process had until the job was finished."""
    peak = 0

    def finished() -> bool:
        nonlocal peak
        for member in process.family():
            with suppress(psutil.Error):
                peak = max(peak, member.memory_info().rss)
        return krai.job(job_id)["status"] in FINISHED

    until("the job has finished", finished, within_s=90)
    return peak / (1 << 20)


def assert_still_serves(house: House) -> None:
    records = [{"n": 1}, {"n": 2}, {"n": 3}]
    result = house.krai.import_(dataset="afterwards", source={"records": records}, mode="replace", within_s=30)
    assert result["records_inserted"] == 3
