"""A warehouse that does to its child what a hostile file can do: `holds` acts out the dataset's name."""

import ctypes
import errno
import gc
import json
import os
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from krai.backends.local.blobs import LocalBlobStore
from krai.errors import KraiError, Terminal, Transient
from krai.job import Progress
from krai.transfer.tools import Tools
from krai.worker.child import Pipe


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


def saying(*pieces: bytes, then: Callable[[], object] = lambda: time.sleep(60)) -> Callable[[], None]:
    """To the worker, past all that is polite: what a file can say that has taken its parser over."""

    def act() -> None:
        (pipe,) = (thing for thing in gc.get_objects() if isinstance(thing, Pipe))
        for piece in pieces:
            os.write(pipe.line.fileno(), piece)
            time.sleep(0.1)
        then()

    return act


def framed(message: bytes) -> bytes:
    return struct.pack("!i", len(message)) + message


ADVANCED = framed(json.dumps({"event": "advanced", "progress": asdict(Progress(records_processed=7))}).encode())

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
    "in_pieces": saying(ADVANCED[:2], ADVANCED[2:9], ADVANCED[9:] + ADVANCED[:5], ADVANCED[5:], then=lambda: None),
    "half_a_message": saying(ADVANCED[:20]),
    "half_a_length": saying(ADVANCED[:2]),
    "a_terabyte": saying(struct.pack("!iQ", -1, 1 << 40)),
    "a_long_message": saying(struct.pack("!i", (1 << 31) - 1)),
    "no_json": saying(framed(b"\xff")),
    "deep": saying(framed(b"[" * 100_000)),
    "no_event": saying(framed(b"[1]")),
    "an_unknown_event": saying(framed(b'{"event": "promoted"}')),
    "an_unknown_problem": saying(framed(b'{"event": "failed", "terminal": true, "code": "x", "detail": "", "result": null, "steps": []}')),
    "too_little": saying(framed(b'{"event": "succeeded"}')),
    "busy": failing(Transient("store_busy", "the catalog is locked")),
}


class ScriptedWarehouse:
    """Leaves a note of what it was asked to sweep in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def holds(self, name: str, _: str) -> bool:
        ACTS[name]()
        return False

    def drop(self, _: str, __: str) -> None:
        """There was nothing."""

    def sweep(self, name: str, job_id: str, _: int | None) -> None:
        (self._folder / f"swept-{name}-{job_id}").touch()


def build(root: str) -> Tools:
    return Tools(blobs=LocalBlobStore(Path(root) / "blobs", b"secret"), warehouse=ScriptedWarehouse(Path(root)), spool=Path(root))  # type: ignore[arg-type]
