"""What is remembered of work that may be broken off, so that the next call goes on with it: a small file each, for this user alone."""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LONGEST_AGE_S = 24 * 3600  # so long krai keeps uploads and idempotency keys


class State:
    """The members of a JSON object that outlive the process; with `path` None they do not."""

    def __init__(self, path: Path | None, members: dict[str, Any]) -> None:
        self._path = path
        self._members = members

    def __getitem__(self, name: str) -> Any:
        return self._members.get(name)

    @property
    def age_s(self) -> float:
        """Since what is remembered was begun."""
        return time.time() - float(self._members.get("began_at", 0.0))

    def begin(self, **members: Any) -> None:
        """Forget all that was, and remember this."""
        self._members = {"began_at": time.time()}
        self.keep(**members)

    def keep(self, **members: Any) -> None:
        self._members |= members
        if self._path is not None:
            beside = self._path.with_suffix(".new")
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                json.dump(self._members, file)
            beside.replace(self._path)

    def forget(self) -> None:
        self._members = {}
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@contextmanager
def remembered(folder: Path | None, *about: str) -> Iterator[State]:
    """The state of the work that `about` tells apart. Another process at the same work keeps it: then nothing is remembered."""
    if folder is None:
        yield State(None, {})
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder)
    path = folder / f"{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]}.json"
    lock = os.open(path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        yield State(None, {})
        return
    try:
        yield State(path, _read(path))
    finally:
        if not path.exists():
            path.with_suffix(".lock").unlink(missing_ok=True)
        os.close(lock)


def _sweep(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LONGEST_AGE_S:
                path.unlink()


def _read(path: Path) -> dict[str, Any]:
    try:
        members = json.loads(path.read_text())
        return members if time.time() - float(members["began_at"]) < LONGEST_AGE_S else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
