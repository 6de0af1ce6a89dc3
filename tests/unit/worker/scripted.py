"""A warehouse that does to its child what a hostile file can do: `drop` acts out the dataset's name."""

import ctypes
import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from krai.backends.local.blobs import LocalBlobStore
from krai.errors import KraiError, Terminal, Transient
from krai.transfer.tools import Tools


def hog() -> None:
    hoard = [bytearray(32 << 20) for _ in range(20)]
    time.sleep(60)
    hoard.clear()


def endless() -> None:
    while True:
        pass


def disk_full() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def failing(error: KraiError) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


ACTS: dict[str, Callable[[], object]] = {
    "fine": lambda: None,
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
    "exit": lambda: sys.exit(3),
    "hog": hog,
    "hog_at_once": lambda: bytearray(64 << 30),
    "endless": endless,
    "slow": lambda: time.sleep(60),
    "blink": lambda: time.sleep(0.3),
    "disk_full": disk_full,
    "terminal": failing(Terminal("corrupt_file", "byte 17")),
    "hopeless": failing(Terminal("too_many_rejects", result={"rejects": {"records": 1}})),
    "busy": failing(Transient("store_busy", "the catalog is locked")),
}


class ScriptedWarehouse:
    """Leaves a note of what it was asked to sweep in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def drop(self, name: str) -> None:
        ACTS[name]()

    def sweep(self, name: str, job_id: str, _: int | None) -> None:
        (self._folder / f"swept-{name}-{job_id}").touch()


def build(root: str) -> Tools:
    return Tools(blobs=LocalBlobStore(Path(root) / "blobs", b"secret"), warehouse=ScriptedWarehouse(Path(root)), spool=Path(root))  # type: ignore[arg-type]
