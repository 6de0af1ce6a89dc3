"""The catalog in Firestore: a commit counts once, whatever becomes of the question and of the answer."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from pyiceberg.table import Table

from krai.errors import Transient
from krai.warehouse.bucket_files import BucketIO
from krai.warehouse.firestore_catalog import open_catalog
from krai.warehouse.port import Warehouse
from scripts.emulators import Emulators
from tests.contract import warehouses
from tests.contract.bad_line import BadLine
from tests.contract.importing import drop, load, open_place, rows
from tests.contract.warehouses import Files

# In what a client sends, only a write names this field.
WRITE = b"metadata_location"
NAME = b"/tables/krai.things"


@pytest.fixture
def place(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Files:
    return warehouses.bucket(emulators, monkeypatch)


@pytest.fixture
def warehouse(place: Files) -> Warehouse:
    return open_place(place.url)


@pytest.fixture
def line(emulators: Emulators) -> Iterator[BadLine]:
    with BadLine(emulators.firestore.host) as line:
        yield line


@pytest.fixture
def far_warehouse(place: Files, line: BadLine, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """The same datasets, with a bad line to Firestore."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", line.host)
    return open_place(place.url)


@pytest.fixture
def table(place: Files, warehouse: Warehouse) -> Callable[[], Table]:  # noqa: ARG001 (it is opened before the line goes bad)
    catalog = open_catalog(BucketIO(place.file_system), project=place.path, database="(default)")
    return lambda: catalog.load_table(("krai", "things"))


def ids(warehouse: Warehouse) -> list[int]:
    return [number for part in warehouse.scan("things").parts for number in part().column("id").to_pylist()]


def assert_no_file_is_astray(place: Files, table: Table) -> None:
    """Each file that describes the table is named by it, and is there."""
    lists = [snapshot.manifest_list for snapshot in table.snapshots()]
    manifests = [manifest.manifest_path for snapshot in table.snapshots() for manifest in snapshot.manifests(table.io)]
    metadata = [table.metadata_location, *[entry.metadata_file for entry in table.metadata.metadata_log]]
    named = sorted(path.removeprefix("gs://") for path in {*lists, *manifests, *metadata})
    # A manifest that is merged into another one before its commit stays until the table is dropped.
    merged = {path for path in place.files("-m0.avro") if path.replace("-m0.", "-m1.") in named}
    assert [path for path in place.files() if "/metadata/" in path and path not in merged] == named


def test_four_writers_lose_nothing(place: Files, warehouse: Warehouse, table: Callable[[], Table]) -> None:
    command = [sys.executable, "-m", "tests.contract.importing", place.url, "things"]
    writers = [
        subprocess.Popen([*command, *[f"job-{number}" for number in range(first, first + 6)]], stdout=subprocess.PIPE, text=True)
        for first in range(0, 24, 6)
    ]
    for writer in writers:
        said, _ = writer.communicate(timeout=90)
        assert (writer.returncode, len(said.split())) == (0, 6)
    assert sorted(ids(warehouse)) == list(range(24))
    after = table()
    assert [snapshot.sequence_number for snapshot in after.snapshots()] == list(range(1, 25))
    assert all(later.parent_snapshot_id == earlier.snapshot_id for earlier, later in pairwise(after.snapshots()))
    assert_no_file_is_astray(place, after)


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_whose_answer_is_lost_counts_once(
    place: Files, warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, table: Callable[[], Table], *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(WRITE, loses="answer")
    committed = load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert warehouse.find_commit("things", "a") == committed
    assert ids(warehouse) == ([0, 1] if exists else [1])
    assert_no_file_is_astray(place, table())


def test_a_commit_whose_request_is_lost_is_sent_again(warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    line.at(WRITE, loses="request")
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == [1]


@pytest.mark.parametrize("exists", [True, False])
def test_others_may_build_upon_a_commit_whose_answer_is_lost(
    place: Files, warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, table: Callable[[], Table], *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(WRITE, loses="answer", after=lambda: load(warehouse, "things", "b", rows(2)))
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == ([0, 1, 2] if exists else [1, 2])
    assert_no_file_is_astray(place, table())


@pytest.mark.parametrize("exists", [True, False])
def test_a_commit_that_came_second_and_got_no_answer_is_made_again(
    place: Files, warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine, table: Callable[[], Table], *, exists: bool
) -> None:
    if exists:
        load(warehouse, "things", "earlier", rows(0))
    line.at(WRITE, loses="answer", before=lambda: load(warehouse, "things", "b", rows(2)))
    load(far_warehouse, "things", "a", rows(1))
    assert line.happened.is_set()
    assert ids(warehouse) == ([0, 2, 1] if exists else [2, 1])
    assert_no_file_is_astray(place, table())


def test_a_drop_whose_answer_is_lost_is_done(place: Files, warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    load(warehouse, "things", "a", rows(1))
    line.at(NAME, loses="answer", skip=2)  # what was looked up before
    drop(far_warehouse, "things")
    assert line.happened.is_set()
    assert warehouse.describe("things") is None
    assert place.files() == []


def test_a_drop_takes_what_was_committed_while_it_looked(warehouse: Warehouse, far_warehouse: Warehouse, line: BadLine) -> None:
    load(warehouse, "things", "a", rows(1))
    line.at(NAME, skip=2, before=lambda: load(warehouse, "things", "b", rows(2)))  # when the document is to be deleted
    drop(far_warehouse, "things")
    assert line.happened.is_set()
    assert warehouse.describe("things") is None


def test_a_writer_that_is_killed_before_the_document_is_written_changes_nothing(
    place: Files, warehouse: Warehouse, line: BadLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(warehouse, "things", "job-0", rows(0))
    before = warehouse.describe("things")
    command = [sys.executable, "-m", "tests.contract.importing", place.url, "things", "job-1"]
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", line.host)
    writer = subprocess.Popen(command)
    line.at(WRITE, loses="request", before=writer.kill)
    assert line.happened.wait(30)
    writer.wait()
    assert warehouse.describe("things") == before
    assert len(place.files(".metadata.json")) == 2  # the second is the one nobody names
    subprocess.run(command, check=True, timeout=30)
    assert ids(warehouse) == [0, 1]


def test_a_frozen_firestore_is_busy_and_soon_told_so(warehouse: Warehouse, emulators: Emulators) -> None:
    load(warehouse, "things", "a", rows(1))
    emulators.firestore.freeze()
    try:
        began = time.monotonic()
        with pytest.raises(Transient, match="store_busy"):
            warehouse.describe("things")
        assert time.monotonic() - began < 8
    finally:
        emulators.firestore.thaw()
    assert ids(warehouse) == [1]
