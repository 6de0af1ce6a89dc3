"""Bringing a local file to Cloud Storage: whole, once, and never over another.

A large file is sent as several objects at once, which Cloud Storage then joins without moving them. A connection that breaks costs
one of these parts. Their names begin with the file's path and hold a backslash, which no path of a file does: whoever lists files
does not see them, and whoever deletes a prefix of the path removes those of a process that died.
"""

import base64
import errno
import os
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import google_crc32c
from google.api_core.exceptions import NotFound, PreconditionFailed
from google.cloud.storage import Blob as Object

from krai import observe
from krai.backends.google.bucket import ONCE, Bucket
from krai.backends.google.trying import keep_trying
from krai.errors import Transient

PART_BYTES = 8 << 20  # the most that Google's library sends in one request
THREADS = 4
MOST_JOINED = 32  # objects that one request joins
NEW = {"if_generation_match": 0, **ONCE}
CONTENT_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Content:
    """What must have arrived at the other end."""

    size_bytes: int
    crc32c: str | None  # as Cloud Storage writes it; None: not known here

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(len(data), _encoded(google_crc32c.Checksum(data)))

    def is_in(self, stored: Object) -> bool:
        return stored.size == self.size_bytes and self.crc32c in {None, stored.crc32c}


def send(bucket: Bucket, path: str, source: Path) -> Object:
    """The object that the file has become. Raises FileExistsError when there was one, Transient."""
    size = source.stat().st_size
    return _send(bucket, path, source.read_bytes()) if size <= PART_BYTES else _send_in_parts(bucket, path, source, size)


def _send(bucket: Bucket, name: str, data: bytes) -> Object:
    def upload(target: Object) -> None:
        target.upload_from_string(data, content_type=CONTENT_TYPE, checksum="crc32c", **NEW)

    return _create(bucket, name, Content.of(data), upload)


def _send_in_parts(bucket: Bucket, path: str, source: Path, size: int) -> Object:
    if bucket.look(path) is not None:
        raise _taken(path)  # before gigabytes are sent for nothing; whoever comes in between is noticed at the end
    prefix = f"{path}\\{secrets.token_hex(4)}"
    parts = [f"{prefix}-{number}" for number in range(-(-size // PART_BYTES))]

    def send_part(number: int) -> None:
        with source.open("rb") as file:
            file.seek(number * PART_BYTES)
            _send(bucket, parts[number], file.read(PART_BYTES))

    with ThreadPoolExecutor(THREADS) as threads:
        deque(threads.map(send_part, range(len(parts))), maxlen=0)  # the first failure cancels what has not begun
    with source.open("rb") as file:
        checksum = google_crc32c.Checksum()
        deque(checksum.consume(file, PART_BYTES), maxlen=0)
    whole = Content(size, _encoded(checksum))
    joined = list(parts)
    try:
        stored = _join(bucket, path, parts, whole, joined)
    except FileExistsError:
        _tidy_up(bucket, joined)
        raise
    _tidy_up(bucket, joined)
    return stored


def _join(bucket: Bucket, path: str, parts: Sequence[str], whole: Content, joined: list[str]) -> Object:
    """Make one object of the parts, in several rounds when there are many. Notes in `joined` what it makes on the way."""
    share = PART_BYTES
    while len(parts) > MOST_JOINED:
        share *= MOST_JOINED
        groups = [parts[first : first + MOST_JOINED] for first in range(0, len(parts), MOST_JOINED)]
        parts = [f"{group[0]}+" for group in groups]
        joined += parts
        for number, (name, group) in enumerate(zip(parts, groups, strict=True)):
            _compose(bucket, name, group, Content(min(share, whole.size_bytes - number * share), None))
    return _compose(bucket, path, parts, whole)


def _compose(bucket: Bucket, name: str, parts: Sequence[str], content: Content) -> Object:
    def compose(target: Object) -> None:
        target.content_type = CONTENT_TYPE
        target.compose([target.bucket.blob(part) for part in parts], **NEW)

    return _create(bucket, name, content, compose)


def _create(bucket: Bucket, name: str, content: Content, make: Callable[[Object], None]) -> Object:
    """What `make` has made of a new object `name`. Raises FileExistsError, Transient."""

    def once(failed: int) -> Object | None:
        target = bucket.here().blob(name)
        try:
            make(target)
        except PreconditionFailed:
            # The try before may have made it and only its answer was lost.
            found = bucket.here().get_blob(name, **ONCE) if failed else None
            return found if found is not None and content.is_in(found) else None
        return target

    try:
        stored = keep_trying(once)
    except NotFound:
        bucket.check()
        raise Transient("store_busy", "Parts of the file were deleted while it was sent.") from None
    if stored is None:
        raise _taken(name)
    if not content.is_in(stored):
        bucket.remove([name])
        raise Transient("store_busy", "The file arrived damaged.")
    return stored


def _tidy_up(bucket: Bucket, names: Sequence[str]) -> None:
    try:
        bucket.remove(names)
    except Transient:
        observe.log().warning("parts of a file are left until its folder is deleted", parts=len(names))


def _taken(path: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)


def _encoded(checksum: google_crc32c.Checksum) -> str:
    return base64.b64encode(checksum.digest()).decode()
