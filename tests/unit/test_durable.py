"""A durable file goes to the disk from its first part on, and is there when it is closed."""

import errno
import os
from pathlib import Path

import pytest

from krai.durable import DurableFile

MIB = 1 << 20


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="there is no posix_fadvise here")
def test_a_file_goes_to_the_disk_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _, begin, length, __: told.append((begin, length)))
    with DurableFile(tmp_path / "file") as file:
        for _ in range(25):
            file.write(b"x" * MIB)
    assert told == [(begin * 8 * MIB, 8 * MIB) for begin in range(3)]
    assert (tmp_path / "file").stat().st_size == 25 * MIB


def test_a_file_that_is_not_on_the_disk_is_closed_all_the_same_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    file = DurableFile(tmp_path / "file")
    file.write(b"x")
    with pytest.raises(OSError, match="Input/output error"):
        file.close()
    assert file.closed
    file.close()
