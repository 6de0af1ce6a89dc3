"""A file that arrives in pieces, over several requests and through restarts.

Its bytes are appended to a partial file, so what has arrived is that file's size. A lock on it keeps out a second writer, in whatever
process, and ends with the process that held it.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import google_crc32c

from krai.backends.local.disk import full_disk_is_terminal, place
from krai.durable import make_folders
from krai.errors import Terminal

READ_BYTES = 1 << 20


class LocalUpload:
    """An upload under way to `target`, kept in `partial` until it is complete."""

    def __init__(self, target: Path, partial: Path, expected_bytes: int | None) -> None:
        self._target = target
        self._partial = partial
        self._descriptor: int | None = None
        # A request that is broken off closes the upload while a thread of its own may still be writing.
        self._one_call_at_a_time = threading.Lock()
        self._unsynced = False
        self.expected_bytes = expected_bytes
        self.received_bytes = 0
        self.complete = False
        self._settle()

    def append(self, data: bytes) -> None:
        """Raises Terminal upload_conflict beyond the agreed size or after the end; disk_full, and then nothing is kept."""
        with self._one_call_at_a_time:
            descriptor = self._open_descriptor()
            if self.expected_bytes is not None and self.received_bytes + len(data) > self.expected_bytes:
                raise Terminal("upload_conflict", f"The upload was opened for {self.expected_bytes} bytes.")
            try:
                with full_disk_is_terminal():
                    self._write(descriptor, memoryview(data))
            except Terminal:
                self._drop()  # others need the room, and the client can begin again
                raise

    def finish(self, digests: Sequence[tuple[str, str]] = ()) -> None:
        with self._one_call_at_a_time:
            if self.complete:
                return
            descriptor = self._open_descriptor()
            if self.expected_bytes is not None and self.received_bytes != self.expected_bytes:
                raise Terminal("upload_conflict", f"{self.received_bytes} of {self.expected_bytes} bytes have arrived.")
            if digests and not has(descriptor, digests):
                self._drop()  # none of its bytes can be trusted, and the client can begin again
                raise Terminal("upload_mismatch")
            try:
                with full_disk_is_terminal():
                    os.fsync(descriptor)
                    place(self._partial, self._target)
            except FileExistsError:
                raise Terminal("upload_conflict", "Another file was stored here meanwhile.") from None
            self.complete = True
            self._release()

    def close(self) -> None:
        """Keep what has arrived: the client is about to be told of it, so it must outlive a power cut."""
        with self._one_call_at_a_time:
            try:
                if self._descriptor is not None and self._unsynced:
                    with full_disk_is_terminal():
                        os.fsync(self._descriptor)
            finally:
                self._release()

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise Terminal("upload_conflict", "The upload is complete or closed.")
        return self._descriptor

    def _write(self, descriptor: int, rest: memoryview) -> None:
        while rest:
            written = os.write(descriptor, rest)
            self.received_bytes += written
            self._unsynced = True
            rest = rest[written:]

    def _settle(self) -> None:
        """Find out where the upload stands, and hold its partial file if it is not complete."""
        make_folders(self._partial.parent)
        descriptor = lock(self._partial, create=True)
        if descriptor is None:
            raise Terminal("upload_conflict", "Another request is writing to this upload.")
        self._descriptor = descriptor
        try:
            self.received_bytes = self._target.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            self.received_bytes = os.lseek(descriptor, 0, os.SEEK_END)
        else:
            self.complete = True
            self._drop()  # empty, or left by a crash between the file's new name and the end of its old one

    def _drop(self) -> None:
        self._partial.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def has(descriptor: int, digests: Sequence[tuple[str, str]]) -> bool:
    """Whether the file has all these digests; one by an algorithm that is not known is not looked at."""
    found: dict[str, str] = {}
    for name in {name for name, _ in digests}:
        if name == "md5":
            md5 = hashlib.md5(usedforsecurity=False)
            for data in _read(descriptor):
                md5.update(data)
            found[name] = base64.b64encode(md5.digest()).decode()
        elif name == "crc32c":
            crc32c = 0
            for data in _read(descriptor):
                crc32c = google_crc32c.extend(crc32c, data)
            found[name] = base64.b64encode(crc32c.to_bytes(4, "big")).decode()
    return all(found.get(name, text) == text for name, text in digests)


def _read(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while data := os.pread(descriptor, READ_BYTES, offset):
        offset += len(data)
        yield data


def lock(partial: Path, *, create: bool) -> int | None:
    """An open, locked descriptor of a partial file; None when another one holds the lock."""
    while True:
        descriptor = os.open(partial, os.O_RDWR | os.O_APPEND | (os.O_CREAT if create else 0), 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(partial.stat(), os.fstat(descriptor)):
                    return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Whoever held the lock before has removed the file: what we hold has no name any more.
        os.close(descriptor)


def sweep(partials: Path, older_than_s: float) -> int:
    """Remove partial files that nobody has written to for so long and nobody writes to now; returns how many."""
    removed = 0
    for partial in sorted(partials.iterdir()):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - partial.stat().st_mtime < older_than_s:
                continue
            descriptor = lock(partial, create=False)
            if descriptor is not None:
                partial.unlink()
                os.close(descriptor)
                removed += 1
    return removed
