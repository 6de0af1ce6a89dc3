"""What the disk has to say of an output file is heard, unless nobody wants the file any more."""

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from krai.transfer.digest import OutputFile


@pytest.fixture
def bad_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)


def write(path: Path) -> None:
    with closing(OutputFile(path)) as output:
        output.write(b"x" * 11)


@pytest.mark.usefixtures("bad_disk")
def test_a_write_that_failed_on_the_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "file")


@pytest.mark.usefixtures("bad_disk")
def test_nothing_is_told_of_an_abandoned_file(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "file")
    output.write(b"x" * 11)
    output.abandon()
    output.write(b"its end")
    output.close()
