"""Files in a folder: each under its own path, whole or not there at all."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BufferedReader
from pathlib import Path

from krai.backends.local import uploads
from krai.backends.local.disk import full_disk_is_terminal, place
from krai.backends.local.links import Signer
from krai.backends.paths import checked, valid
from krai.durable import make_folders, sync_folder
from krai.errors import Terminal, Transient
from krai.ports import Blob, OpenUpload, UploadSession

FILES = "/files/"
UPLOADS = "/uploads/"
PARTIALS = ".partial"  # beside the files; no path can name it, for no part of a path begins with a dot
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


class LocalBlobStore:
    """Files under `root`, links signed with `secret`. Holds nothing open, so it can be handed to a child process."""

    def __init__(self, root: Path, secret: bytes) -> None:
        self._root = root
        self._signer = Signer(secret)

    def put(self, path: str, source: Path) -> Blob:
        target = self._target(path)
        with full_disk_is_terminal():
            _sync_file(source)
            try:
                status = place(source, target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                status = self._copy(source, target)
        return _blob(path, status)

    def open(self, path: str, *, generation: str | None = None) -> BufferedReader:
        try:
            file = (self._root / checked(path)).open("rb")
        except (ValueError, *ABSENT):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from None
        if generation is not None and _blob(path, os.fstat(file.fileno())).generation != generation:
            file.close()
            raise Terminal("source_changed")
        return file

    def stat(self, path: str) -> Blob | None:
        try:
            status = self._target(path).stat()
        except (ValueError, *ABSENT):
            return None
        return _blob(path, status) if stat.S_ISREG(status.st_mode) else None

    def list(self, prefix: str) -> Iterator[Blob]:
        folder = prefix[: prefix.rfind("/") + 1]
        if folder and not valid(folder[:-1]):
            return
        for path, entry in self._walk(folder, prefix):
            try:
                yield _blob(path, entry.stat())
            except FileNotFoundError:
                continue  # deleted meanwhile

    def delete(self, prefix: str) -> int:
        if not prefix:
            raise ValueError("an empty prefix would delete every file")
        removed = 0
        folders: set[Path] = set()
        for blob in self.list(prefix):
            target = self._root / blob.path
            try:
                target.unlink()
            except FileNotFoundError:
                continue
            folders.add(target.parent)
            removed += 1
        for folder in sorted(folders, reverse=True):
            self._prune(folder)
        return removed

    def link(self, path: str, *, generation: str, filename: str, ttl_s: int) -> str:
        claims = {"generation": generation, "filename": filename}
        return self._signer.sign("GET", FILES + checked(path), expires=int(time.time()) + ttl_s, claims=claims)

    def resolve_link(self, path: str, query: str) -> tuple[Path, str]:
        """`path` is unquoted and without `/files/`, `query` as it came."""
        claims = self._signer.verify("GET", FILES + path, query, "generation", "filename")
        found = self.stat(path)
        if found is None or found.generation != claims["generation"]:
            raise Terminal("not_found")
        return self._target(path), claims["filename"]

    def open_upload(
        self,
        path: str,
        *,
        size_bytes: int | None,
        ttl_s: int,
        origin: str | None = None,  # noqa: ARG002 - the API takes the bytes, and says itself which pages may send them
    ) -> UploadSession:
        expires = int(time.time()) + ttl_s
        claims = {"size": "" if size_bytes is None else str(size_bytes)}
        url = self._signer.sign("PUT", UPLOADS + checked(path), expires=expires, claims=claims)
        return UploadSession(url=url, expires_at=datetime.fromtimestamp(expires, UTC))

    def resume_upload(self, path: str, query: str) -> OpenUpload:
        """`path` is unquoted and without `/uploads/`, `query` as it came."""
        size = self._signer.verify("PUT", UPLOADS + path, query, "size")["size"]
        partial = self._root / PARTIALS / hashlib.sha256(path.encode()).hexdigest()
        with full_disk_is_terminal():
            return uploads.LocalUpload(self._target(path), partial, int(size) if size else None)

    def sweep_uploads(self, older_than_s: float) -> int:
        partials = self._root / PARTIALS
        return uploads.sweep(partials, older_than_s) if partials.is_dir() else 0

    def check(self) -> None:
        make_folders(self._root)
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise Transient("store_busy", retry_after_s=1)

    def _target(self, path: str) -> Path:
        return self._root / checked(path)

    def _copy(self, source: Path, target: Path) -> os.stat_result:
        """Bring the file to this file system first, so that it appears under its path in one step here too."""
        draft = self._root / PARTIALS / secrets.token_hex(16)
        make_folders(draft.parent)
        try:
            shutil.copyfile(source, draft)
            _sync_file(draft)
            status = place(draft, target)
        finally:
            draft.unlink(missing_ok=True)
        source.unlink()
        return status

    def _walk(self, folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """The files below `folder` whose path begins with `prefix`, in the order of their whole paths."""
        try:
            with os.scandir(self._root / folder) as entries:
                # A folder is sorted with its slash, as it stands in the paths of its files: "a-b" comes before "a/b".
                named = sorted((folder + entry.name + "/" * entry.is_dir(follow_symlinks=False), entry) for entry in entries)
        except ABSENT:
            return
        for path, entry in named:
            if entry.name == PARTIALS:
                continue
            if entry.is_dir(follow_symlinks=False):
                if path.startswith(prefix) or prefix.startswith(path):
                    yield from self._walk(path, prefix)
            elif path.startswith(prefix):
                yield path, entry

    def _prune(self, folder: Path) -> None:
        """Make deletions in a folder durable, and remove it and its parents as far as they are empty."""
        try:
            sync_folder(folder)
            while folder != self._root:
                folder.rmdir()
                folder = folder.parent
                sync_folder(folder)
        except OSError:
            return  # not empty, or another process was faster


def _blob(path: str, status: os.stat_result) -> Blob:
    return Blob(path=path, size_bytes=status.st_size, generation=f"{status.st_ino}-{status.st_mtime_ns}")


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
