"""Local files outlive a power cut once they are closed, and a full disk is told as one."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from krai.warehouse.files import LocalFiles
from krai.warehouse.iceberg import open_local
from tests.contract.importing import load, rows


def test_all_that_a_commit_names_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What fsync promises cannot be seen without pulling a plug: this sees that each file and each folder was given to it.
    synced: set[int] = set()
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    load(open_local(tmp_path), "things", "a", rows(1), rows(2))
    made = list((tmp_path / "things").rglob("*"))
    assert {path.suffix for path in made if path.is_file()} == {".parquet", ".avro", ".json"}
    assert {path for path in [tmp_path, tmp_path / "things", *made] if path.stat().st_ino not in synced} == set()


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file may have more than 150,000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("small_disk")
@pytest.mark.parametrize("chunks", [1, 2, 20])
def test_a_full_disk_keeps_its_number_and_no_byte_is_lost_in_silence(tmp_path: Path, chunks: int) -> None:
    with pytest.raises(OSError, match="too large") as error:
        _write(tmp_path / "part", [b"x" * (200_000 // chunks)] * chunks)
    assert error.value.errno == errno.EFBIG


def _write(path: Path, chunks: list[bytes]) -> None:
    with LocalFiles().open_output_stream(str(path)) as stream:
        for chunk in chunks:
            stream.write(chunk)
