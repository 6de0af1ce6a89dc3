"""The bytes of an import: a stored file is read in place, a URL is copied to the spool first."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

from krai.errors import Terminal
from krai.ports import Files
from krai.transfer.download import download
from krai.transfer.tools import Tools

_HASH_BYTES = 1 << 20


class Source:
    """A file that can be read from its beginning as often as needed. `read_bytes` is how far it has been read this time."""

    def __init__(self, opener: Callable[[], BinaryIO], size_bytes: int) -> None:
        self._opener = opener
        self.size_bytes = size_bytes
        self.read_bytes = 0

    def open(self) -> BinaryIO:
        self.read_bytes = 0
        return cast("BinaryIO", _Counted(self._opener(), self))


class _Counted(io.RawIOBase):
    def __init__(self, file: BinaryIO, source: Source) -> None:
        self._file = file
        self._source = source

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._source.read_bytes += len(data)
        return data

    def seekable(self) -> bool:
        return self._file.seekable()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def fetch(source: dict[str, Any], tools: Tools, told: Callable[[int], None], *, sha256: str | None = None) -> Source:
    """The source of a job; `told` hears how many bytes of a download have arrived. `sha256`: what the whole of it must have.

    Raises Terminal source_missing, source_changed, source_too_large, source_forbidden, upload_mismatch, and what `download` raises.
    """
    found = _find(source, tools, told, length_told=sha256 is None)
    if sha256 is not None:
        _check(found, sha256)
    return found


def _find(source: dict[str, Any], tools: Tools, told: Callable[[int], None], *, length_told: bool) -> Source:
    if "url" in source:
        return _from_url(source["url"], tools, told, length_told=length_told)
    files: Files = tools.blobs
    if "bucket" in source:
        if tools.bucket is None:
            raise Terminal("source_forbidden")
        files = tools.bucket(source["bucket"])
    return _stored(source["path"], source.get("generation"), files, tools.limits.source_bytes)


def _check(source: Source, sha256: str) -> None:
    """Before anything else reads the file, and all of it: a reader may stop early, or read twice."""
    digest = hashlib.sha256()
    with source.open() as file:
        while data := file.read(_HASH_BYTES):
            digest.update(data)
    if digest.hexdigest() != sha256:
        raise Terminal("upload_mismatch")


def _from_url(url: str, tools: Tools, told: Callable[[int], None], *, length_told: bool) -> Source:
    if not tools.url_imports:
        raise Terminal("url_imports_off")
    copy: Path = tools.spool / "source"
    download(url, copy, limit_bytes=tools.limits.source_bytes, outbound=tools.outbound, length_told=length_told, told=told)
    return Source(lambda: copy.open("rb"), copy.stat().st_size)


def _stored(path: str, generation: str | None, files: Files, limit_bytes: int) -> Source:
    blob = files.stat(path)
    if blob is None:
        raise Terminal("source_missing")
    if generation is not None and blob.generation != generation:
        raise Terminal("source_changed")
    if blob.size_bytes > limit_bytes:
        raise Terminal("source_too_large", f"The file has {blob.size_bytes} bytes, at most {limit_bytes} are read.")

    def opener() -> BinaryIO:
        try:
            return files.open(path, generation=blob.generation)
        except FileNotFoundError:
            raise Terminal("source_missing") from None

    return Source(opener, blob.size_bytes)
