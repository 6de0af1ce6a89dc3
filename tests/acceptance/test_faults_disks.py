"""Fault 16: the disk is full, where files are made and where everything is kept. Jobs fail or are tried again with the reason, temporary
files go, databases stay intact, and with room there is everything works again.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, NewKrai, embedded
from tests.acceptance.house import EXPORT, House, build
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import half_made_files
from tests.acceptance.waiting import until

ROOM_BYTES = 64 << 10  # less than any file these tests make has


@pytest.fixture(scope="module")
def house(new_krai: NewKrai) -> House:
    return build(new_krai(QUICK | {"KRAI_SLOTS": "1", "KRAI_MAX_ATTEMPTS": "3"}), rows=200_000)


@contextmanager
def no_file_grows_beyond(size_bytes: int, processes: list[psutil.Process]) -> Iterator[None]:
    """For these processes, as when the disk had no more room (RLIMIT_FSIZE)."""
    for process in processes:
        process.rlimit(psutil.RLIMIT_FSIZE, (size_bytes, psutil.RLIM_INFINITY))
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))


def works_again(house: House) -> None:
    house.export_is_whole(house.krai.submit_export(**EXPORT))
    house.is_clean()


@EMBEDDED_IN_THE_GATE
def test_fault_16_no_room_for_the_file_of_an_export(house: House) -> None:
    house.start()
    with no_file_grows_beyond(ROOM_BYTES, house.runner.parsers()):
        job = house.krai.wait_until_finished(house.krai.submit_export(**EXPORT))
    assert (job["status"], job["error"]["code"]) == ("FAILED", "disk_full")
    until("nothing is left of it", lambda: half_made_files(house.deployment.stores) == [], within_s=5)
    works_again(house)


@EMBEDDED_IN_THE_GATE
def test_fault_16_no_room_for_the_rejects_of_an_import(house: House) -> None:
    """In mode embedded the rows themselves find no room either; in mode gcp they go to the bucket."""
    house.start()
    every_row_is_bad = b"id,name\n" + b"1,too,many,cells,for,this,table\n" * 20_000
    source = {"upload_id": house.krai.upload(every_row_is_bad + b"1,good\n")}
    with no_file_grows_beyond(ROOM_BYTES, house.runner.parsers()):
        job = house.krai.wait_until_finished(house.krai.submit_import(dataset="no_room", source=source))
    assert (job["status"], job["error"]["code"]) == ("FAILED", "disk_full")
    assert house.krai.http.get("/api/v1/datasets/no_room").status_code == 404
    house.krai.import_(dataset="room", source=source)
    works_again(house)


@EMBEDDED_IN_THE_GATE
def test_fault_16_no_room_for_the_databases(house: House) -> None:
    """Mode embedded: every process of krai is out of room. Mode gcp keeps nothing on the disk of a worker but files in the making."""
    house.start()
    with no_file_grows_beyond(ROOM_BYTES, house.runner.family()):
        answers = [house.krai.http.post("/api/v1/exports", json=EXPORT) for _ in range(3)]
        assert {answer.status_code for answer in answers} <= {202, 503}, [answer.text for answer in answers]
        assert house.krai.http.get("/healthz").status_code == 200
    for answer in answers:
        if answer.status_code == 503:
            assert "retry-after" in answer.headers
            assert answer.json()["code"] == "store_busy"
        else:
            house.krai.wait_until_finished(answer.json()["job_id"])
    house.start()
    works_again(house)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    mounted = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=24m", "none", folder], capture_output=True, check=False)
    if not mounted or mounted.returncode != 0:
        pytest.skip("only the superuser may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_fault_16_a_data_folder_on_a_full_disk(small_disk: Path) -> None:
    """Mode embedded alone: mode gcp has no data folder."""
    with embedded(small_disk / "data", QUICK | {"KRAI_SLOTS": "1"}) as deployment:
        house = build(deployment, rows=20_000)
        ballast = small_disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        answers = [house.krai.http.post("/api/v1/exports", json=EXPORT) for _ in range(3)]
        assert {answer.status_code for answer in answers} <= {202, 503}, [answer.text for answer in answers]
        ballast.unlink()
        for answer in answers:
            if answer.status_code == 202:
                house.krai.wait_until_finished(answer.json()["job_id"])
        works_again(house)
