"""One bucket of Cloud Storage, asked patiently and from any thread."""

import functools
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import google.auth
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials, Credentials
from google.cloud.storage import Blob as Object, Bucket as Remote, Client

from krai import observe
from krai.backends.google.trying import TIMEOUT_S, keep_trying
from krai.errors import Transient

ONCE = {"retry": None, "timeout": TIMEOUT_S}  # Google's library asks once: `keep_trying` asks again
PAGE = 1000
THREADS = 8
FIELDS = "items(name,size,generation),nextPageToken"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


@functools.cache
def default_credentials() -> Credentials:
    """Who this process is for Google. Raises DefaultCredentialsError."""
    return google.auth.default(scopes=SCOPES)[0]


class Bucket:
    """Each thread has a client of its own, for Google's are not made to be shared; a child after a fork makes its own too."""

    def __init__(self, name: str, *, project: str, emulator: str | None) -> None:
        self.name = name
        self._project = project
        self._emulator = emulator
        self._threads = threading.local()

    def here(self) -> Remote:
        """The bucket for this thread."""
        if getattr(self._threads, "process", None) != os.getpid():
            self._threads.remote = self._client().bucket(self.name)
            self._threads.process = os.getpid()
        return self._threads.remote

    def look(self, path: str) -> Object | None:
        """What stands at `path` now."""
        found = keep_trying(lambda _: self.here().get_blob(path, **ONCE))
        if found is None:
            self.check()  # without its bucket every file would seem to be gone for good
        return found

    def walk(self, prefix: str) -> Iterator[Object]:
        """All objects whose name begins with `prefix`, by name as UTF-8 bytes, which is the order of Python's strings too."""
        token: str | None = ""
        while token is not None:
            page, token = self._page(prefix, token, PAGE)
            yield from page

    def remove(self, names: Iterable[str]) -> int:
        """Delete these objects; returns how many of them there were."""
        with ThreadPoolExecutor(THREADS) as threads:
            return sum(threads.map(self._remove, names))

    def check(self) -> None:
        """Raises Transient unless there is a bucket and this process may look into it."""
        self._page("", "", 1)

    def is_there(self) -> bool:
        """False when there is no such bucket. Raises Transient when that cannot be told."""
        try:
            keep_trying(lambda _: self._fetch("", "", 1))
        except NotFound:
            return False
        return True

    def missing(self) -> Transient:
        """The failure of a bucket that is not there, after a log line about it."""
        observe.log().error("there is no such bucket", bucket=self.name)
        return Transient("store_busy", "The bucket is not there.")

    def _page(self, prefix: str, token: str, size: int) -> tuple[list[Object], str | None]:
        try:
            return keep_trying(lambda _: self._fetch(prefix, token, size))
        except NotFound:
            raise self.missing() from None

    def _fetch(self, prefix: str, token: str, size: int) -> tuple[list[Object], str | None]:
        remote = self.here()
        found = remote.client.list_blobs(remote, prefix=prefix, page_token=token or None, page_size=size, fields=FIELDS, **ONCE)
        return list(next(found.pages, ())), found.next_page_token

    def _remove(self, name: str) -> bool:
        def delete(failed: int) -> bool:
            try:
                self.here().delete_blob(name, **ONCE)
            except NotFound:
                return failed > 0  # then it was the try before that removed it, and only its answer was lost
            return True

        return keep_trying(delete)

    def _client(self) -> Client:
        if self._emulator is None:
            client = Client(project=self._project, credentials=default_credentials())
        else:
            client = Client(
                project=self._project,
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": self._emulator},
                use_auth_w_custom_endpoint=False,
            )
        # For traces that krai does not send, each client would ask for the bucket's metadata in a thread of its own.
        client._bucket_metadata_cache = None  # noqa: SLF001 - the other switch is an environment variable
        return client
