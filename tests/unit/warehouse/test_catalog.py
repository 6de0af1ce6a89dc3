"""The SQLite catalog: shared by processes, busy for a while, or on a full disk."""

import errno
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from krai.errors import Terminal, Transient
from krai.warehouse.catalog import translated
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Change
from tests.contract.importing import load, rows, write_part


def test_the_catalog_writes_ahead_so_that_readers_do_not_wait(tmp_path: Path) -> None:
    open_local(tmp_path)
    with closing(sqlite3.connect(tmp_path / "catalog.sqlite")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_processes_may_open_a_new_warehouse_at_the_same_moment(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from krai.warehouse.iceberg import open_local; open_local(Path(sys.argv[1]))"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "new")]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (sqlite3.OperationalError("database is locked"), Transient, "store_busy"),
        (sqlite3.OperationalError("database or disk is full"), Terminal, "disk_full"),
        (OSError(errno.ENOSPC, "no space"), Terminal, "disk_full"),
        (OSError(errno.EIO, "i/o error"), Transient, "store_busy"),
        (FileNotFoundError(errno.ENOENT, "gone"), Transient, "store_busy"),
    ],
)
def test_failures_become_krais_own(error: Exception, kind: type[Exception], code: str) -> None:
    with pytest.raises(kind, match=code), translated():
        raise error


def test_a_part_that_vanished_fails_the_commit_and_leaves_no_dataset(tmp_path: Path) -> None:
    warehouse = open_local(tmp_path)
    part = write_part(warehouse, "things", "a", 1, rows(1))
    Path(part).unlink()
    with pytest.raises(Transient):
        warehouse.commit("things", Change(job_id="a", epoch=1, schema=rows(1).schema, parts=[part]))
    assert warehouse.describe("things") is None
    assert load(warehouse, "things", "a", rows(1)).dataset.rows == 1
