"""Files in a bucket of Cloud Storage. Clients read them by signed links and write them to sessions, both without krai in between."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from pathlib import Path

from google.api_core.exceptions import NotFound

from krai.backends.google.bucket import Bucket
from krai.backends.google.reading import blob_of, open_object
from krai.backends.google.signing import LinkSigner
from krai.backends.google.trying import keep_trying
from krai.backends.google.uploading import CONTENT_TYPE, NEW, send
from krai.backends.paths import checked, valid
from krai.ports import Blob, UploadSession
from krai.settings import UnsafeSettings


class GcsBlobStore:
    """`emulator` is the URL of one. Asks nothing before it is used, so it can be made where Google does not answer yet."""

    def __init__(self, bucket: str, *, project: str, emulator: str | None, signer: LinkSigner) -> None:
        self._bucket = Bucket(bucket, project=project, emulator=emulator)
        self._signer = signer

    def put(self, path: str, source: Path) -> Blob:
        stored = send(self._bucket, checked(path), source)
        source.unlink()
        return blob_of(stored)

    def open(self, path: str, *, generation: str | None = None) -> BufferedReader:
        """Reads raise what this does when the file is replaced or deleted in the middle, and Transient."""
        return open_object(self._bucket, self.stat(path), generation)

    def stat(self, path: str) -> Blob | None:
        found = self._bucket.look(path) if valid(path) else None
        return blob_of(found) if found is not None else None

    def list(self, prefix: str) -> Iterator[Blob]:
        """Without the parts of files that are just being put."""
        folder = prefix[: prefix.rfind("/") + 1]
        if folder and not valid(folder[:-1]):
            return
        for found in self._bucket.walk(prefix):
            if valid(found.name):
                yield blob_of(found)

    def delete(self, prefix: str) -> int:
        """Also what processes that died have left under it of files they were putting; that is not counted."""
        if not prefix:
            raise ValueError("an empty prefix would delete every file")
        folder = prefix[: prefix.rfind("/") + 1]
        if folder and not valid(folder[:-1]):
            return 0
        files: list[str] = []
        parts: list[str] = []
        for found in self._bucket.walk(prefix):
            (files if valid(found.name) else parts).append(found.name)
        self._bucket.remove(parts)
        return self._bucket.remove(files)

    def link(self, path: str, *, generation: str, filename: str, ttl_s: int) -> str:
        return self._signer.sign(self._bucket, checked(path), generation=generation, filename=filename, ttl_s=ttl_s)

    def open_upload(self, path: str, *, size_bytes: int | None, ttl_s: int, origin: str | None = None) -> UploadSession:
        """A resumable upload. Cloud Storage keeps its address open for a week, whatever `ttl_s` says."""
        checked(path)

        def begin(_: int) -> str:
            target = self._bucket.here().blob(path)
            url: str = target.create_resumable_upload_session(content_type=CONTENT_TYPE, size=size_bytes, origin=origin, **NEW)
            return url

        try:
            url = keep_trying(begin)
        except NotFound:
            raise self._bucket.missing() from None
        return UploadSession(url=url, expires_at=datetime.now(UTC) + timedelta(seconds=ttl_s))

    def sweep_uploads(self, older_than_s: float) -> int:  # noqa: ARG002 - the port's
        """Nothing to do: Cloud Storage forgets sessions that were not finished after a week, and shows nothing of them before."""
        return 0

    def insist(self) -> None:
        """Raises UnsafeSettings when there is no such bucket, Transient when that cannot be told."""
        if not self._bucket.is_there():
            raise UnsafeSettings(f"GCS_BUCKET: there is no bucket {self._bucket.name}; create it (terraform apply) or name another")

    def check(self) -> None:
        self._bucket.check()
