"""What the disk has to say of an output file is heard, also when it says so in the middle."""

import errno
import os
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from krai.transfer import digest
from tests.acceptance.waiting import until


def test_a_write_that_failed_on_the_disk_is_told_whatever_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As Linux has it: what could not be written back is told to one fsync, and the next is content.
    calls = 0

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(digest, "_FLUSH_EVERY_BYTES", 10)

    def write() -> None:
        with closing(digest.OutputFile(tmp_path / "file")) as output:
            for _ in range(3):
                before = calls
                output.write(b"x" * 11)
                until("it went to the disk", partial(lambda before: calls > before, before), within_s=2)

    with pytest.raises(OSError, match="Input/output error"):
        write()
