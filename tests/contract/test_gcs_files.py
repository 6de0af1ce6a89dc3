"""What holds for files in Cloud Storage beyond the contract: links and sessions of its own, parts, reading piece by piece."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from krai.backends.google import reading, uploading
from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.signing import LinkSigner
from krai.errors import Terminal
from krai.job import new_id
from krai.ports import Blob, BlobStore
from scripts import provision
from scripts.emulators import Emulators
from tests.faulty_proxy import FaultyProxy

MakeFile = Callable[[bytes], Path]
KIB = 1 << 10
CONTENT = os.urandom(700 * KIB)


@dataclass(frozen=True)
class Storage:
    url: str
    bucket: str

    def open(self, url: str | None = None) -> GcsBlobStore:
        signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
        return GcsBlobStore(self.bucket, project="krai", emulator=url or self.url, signer=signer)

    @property
    def names(self) -> list[str]:
        """Of all objects, asked of Google's library itself."""
        endpoint = {"api_endpoint": self.url}
        client = Client("krai", AnonymousCredentials(), client_options=endpoint, use_auth_w_custom_endpoint=False)
        return [found.name for found in client.list_blobs(self.bucket)]


@pytest.fixture
def storage(emulators: Emulators) -> Storage:
    storage = Storage(f"http://{emulators.storage.host}", f"krai-{new_id()}")
    provision.bucket(storage.url, "krai", storage.bucket)
    return storage


@pytest.fixture
def blobs(storage: Storage) -> BlobStore:
    return storage.open()


def link_to(blobs: BlobStore, blob: Blob) -> str:
    return blobs.link(blob.path, generation=blob.generation, filename="users.csv", ttl_s=60)


def test_a_link_downloads_this_generation_and_no_other(blobs: BlobStore, a_file: MakeFile) -> None:
    """The double checks no signature; `tests/unit/google` does."""
    link = link_to(blobs, blobs.put("jobs/1/e1/ä b.csv", a_file(b"first")))
    assert httpx.get(link).content == b"first"
    assert httpx.get(link, headers={"range": "bytes=1-2"}).content == b"ir"
    blobs.delete("jobs/1/")
    assert httpx.get(link).status_code == 404
    second = blobs.put("jobs/1/e1/ä b.csv", a_file(b"second"))
    assert httpx.get(link).status_code == 404
    assert httpx.get(link_to(blobs, second)).content == b"second"


@pytest.mark.parametrize("size", [None, 3])
def test_a_client_writes_to_its_session_without_a_credential(blobs: BlobStore, size: int | None) -> None:
    session = blobs.open_upload("uploads/1", size_bytes=size, ttl_s=60, origin="https://app.example.com")
    assert blobs.stat("uploads/1") is None
    assert httpx.put(session.url, content=b"abc", headers=session.headers).status_code == 200
    with blobs.open("uploads/1") as file:
        assert file.read() == b"abc"


def test_a_session_says_what_may_come_and_from_where(storage: Storage) -> None:
    with FaultyProxy(storage.url.removeprefix("http://"), http=True) as proxy:
        storage.open(f"http://{proxy.host}").open_upload("uploads/1", size_bytes=3, ttl_s=60, origin="https://app.example.com")
        (head,) = proxy.heads
    assert "ifGenerationMatch=0" in head.partition("\r\n")[0]
    sent = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    assert (sent["origin"], sent["x-upload-content-length"]) == ("https://app.example.com", "3")


def test_a_file_is_read_from_anywhere(blobs: BlobStore, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_BYTES", 64 * KIB)
    blobs.put("a", a_file(CONTENT))
    with blobs.open("a") as file:
        assert file.seekable()
        for first, size in ((0, 10), (699 * KIB, 2 * KIB), (3, 0), (60 * KIB, 200 * KIB), (5, 64 * KIB), (10**9, 5)):
            assert file.seek(first) == first
            assert file.read(size) == CONTENT[first : first + size]
        assert file.seek(-10, os.SEEK_END) == len(CONTENT) - 10
        assert file.read() == CONTENT[-10:]
        assert file.read(1) == b""
        assert file.seek(0) == 0
        assert b"".join(iter(lambda: file.read(7777), b"")) == CONTENT
        with pytest.raises(ValueError, match="before"):
            file.seek(-1 - len(CONTENT), os.SEEK_END)


def test_many_threads_read_one_store(blobs: BlobStore, a_file: MakeFile) -> None:
    for number in range(8):
        blobs.put(f"{number}", a_file(CONTENT[number:]))

    def read(number: int) -> bytes:
        with blobs.open(f"{number % 8}") as file:
            return file.read()

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(read, range(48))) == [CONTENT[number % 8 :] for number in range(48)]


def test_a_file_that_is_replaced_while_it_is_read_says_so(blobs: BlobStore, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CHUNK_BYTES", 64 * KIB)
    blobs.put("a", a_file(CONTENT))
    with blobs.open("a") as file:
        file.read(1)
        blobs.delete("a")
        with pytest.raises(FileNotFoundError):
            file.read(100 * KIB)
        blobs.put("a", a_file(CONTENT))
        with pytest.raises(Terminal, match="source_changed"):
            file.read(100 * KIB)


def test_parts_are_joined_in_their_order(storage: Storage, a_file: MakeFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploading, "MOST_JOINED", 3)
    for part_kib in (350, 300, 100, 40):  # 2, 3, 7 and 18 parts: joined in one, one, two and three rounds
        monkeypatch.setattr(uploading, "PART_BYTES", part_kib * KIB)
        blobs = storage.open()
        blob = blobs.put(f"jobs/{part_kib}", a_file(CONTENT))
        assert blob.size_bytes == len(CONTENT)
        with blobs.open(blob.path, generation=blob.generation) as file:
            assert file.read() == CONTENT
        assert storage.names == [blob.path]
        assert blobs.delete("jobs/") == 1


PUTS = """
import sys
from pathlib import Path
from krai.backends.google import uploading
from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.signing import LinkSigner
uploading.PART_BYTES = 20_000
signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
GcsBlobStore(sys.argv[1], project="krai", emulator=sys.argv[2], signer=signer).put("jobs/1/e1/a", Path(sys.argv[3]))
"""


def test_what_a_killed_process_left_of_a_file_is_seen_by_nobody_and_goes_with_its_folder(storage: Storage, a_file: MakeFile) -> None:
    blobs = storage.open()
    blobs.put("jobs/1/e1/other", a_file(b""))
    with FaultyProxy(storage.url.removeprefix("http://"), http=True) as proxy:
        proxy.delay_s = 0.01
        arguments = [storage.bucket, f"http://{proxy.host}", str(a_file(CONTENT))]
        putting = subprocess.Popen([sys.executable, "-c", PUTS, *arguments])
        deadline = time.monotonic() + 30
        while len(storage.names) < 6:
            assert putting.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        putting.send_signal(signal.SIGKILL)
        putting.wait()
    assert [blob.path for blob in blobs.list("")] == ["jobs/1/e1/other"]
    assert blobs.stat("jobs/1/e1/a") is None
    parts = set(storage.names) - {"jobs/1/e1/other"}
    assert parts
    assert all(name.startswith("jobs/1/e1/a\\") for name in parts)
    assert blobs.delete("jobs/1/e1/") == 1
    assert storage.names == []


FORKS = """
import os, sys
from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.signing import LinkSigner
signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
blobs = GcsBlobStore(sys.argv[1], project="krai", emulator=sys.argv[2], signer=signer)
blobs.check()
child = os.fork()
blobs.check()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_child_after_a_fork_has_a_connection_of_its_own(storage: Storage) -> None:
    with FaultyProxy(storage.url.removeprefix("http://")) as proxy:
        command = [sys.executable, "-c", FORKS, storage.bucket, f"http://{proxy.host}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert proxy.connections == 2
