"""The backends of each port. A new backend is one entry in a table here; the suites stay as they are.

A suite gets `open_…`: each call opens the same data once more, as another process does, and everything is closed at the end.
"""

import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import pytest

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import BlobStore, Directory, JobQueue, JobStore


class Closable(Protocol):
    async def close(self) -> None: ...


P = TypeVar("P", bound=Closable)


class Opener(Generic[P]):
    def __init__(self, opens: Callable[[Path], Awaitable[P]], folder: Path) -> None:
        self._opens = opens
        self._folder = folder
        self._opened: list[P] = []

    async def __call__(self) -> P:
        self._opened.append(await self._opens(self._folder))
        return self._opened[-1]

    async def close(self) -> None:
        for port in self._opened:
            await port.close()


async def _local_jobs(folder: Path) -> JobStore:
    return LocalJobStore(folder / "jobs.sqlite")


async def _local_queue(folder: Path) -> JobQueue:
    return LocalJobQueue(folder / "queue.sqlite")


async def _local_directory(folder: Path) -> Directory:
    return LocalDirectory(folder / "directory.sqlite")


def _local_blobs(folder: Path) -> BlobStore:
    return LocalBlobStore(folder / "blobs", b"k" * 32)


async def _forge_local_message(folder: Path, body: bytes) -> None:
    connection = sqlite3.connect(folder / "queue.sqlite")
    with connection:
        connection.execute("INSERT INTO messages (body, visible_at) VALUES (?, ?)", (body, time.time()))
    connection.close()


@dataclass(frozen=True)
class QueueBackend:
    opens: Callable[[Path], Awaitable[JobQueue]]
    forge: Callable[[Path, bytes], Awaitable[None]]  # puts any bytes into the queue, as a stranger to krai would


JOB_STORES = {"local": _local_jobs}
JOB_QUEUES = {"local": QueueBackend(_local_queue, _forge_local_message)}
DIRECTORIES = {"local": _local_directory}
BLOB_STORES = {"local": _local_blobs}
SERVED_BLOB_STORES = {"local": _local_blobs}  # those whose links and uploads the API answers


@pytest.fixture(params=JOB_STORES)
async def open_jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener[JobStore]]:
    opener = Opener[JobStore](JOB_STORES[request.param], tmp_path)
    yield opener
    await opener.close()


@pytest.fixture
async def jobs(open_jobs: Opener[JobStore]) -> JobStore:
    return await open_jobs()


@pytest.fixture(params=JOB_QUEUES)
def queue_backend(request: pytest.FixtureRequest) -> QueueBackend:
    return JOB_QUEUES[request.param]


@pytest.fixture
async def open_queue(queue_backend: QueueBackend, tmp_path: Path) -> AsyncIterator[Opener[JobQueue]]:
    opener = Opener[JobQueue](queue_backend.opens, tmp_path)
    yield opener
    await opener.close()


@pytest.fixture
async def queue(open_queue: Opener[JobQueue]) -> JobQueue:
    return await open_queue()


@pytest.fixture
async def forge(queue: JobQueue, queue_backend: QueueBackend, tmp_path: Path) -> Callable[[bytes], Awaitable[None]]:
    await queue.check()  # it is there

    async def forge(body: bytes) -> None:
        await queue_backend.forge(tmp_path, body)

    return forge


@pytest.fixture(params=DIRECTORIES)
async def open_directory(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener[Directory]]:
    opener = Opener[Directory](DIRECTORIES[request.param], tmp_path)
    yield opener
    await opener.close()


@pytest.fixture(params=BLOB_STORES)
def open_blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], BlobStore]:
    return lambda: BLOB_STORES[request.param](tmp_path)


@pytest.fixture
def blobs(open_blobs: Callable[[], BlobStore]) -> BlobStore:
    return open_blobs()


@pytest.fixture(params=SERVED_BLOB_STORES)
def open_served(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    return lambda: SERVED_BLOB_STORES[request.param](tmp_path)


@pytest.fixture
def a_file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes local files to be stored; each call another one."""
    made: list[Path] = []

    def make(content: bytes) -> Path:
        made.append(tmp_path / f"source-{len(made)}")
        made[-1].write_bytes(content)
        return made[-1]

    return make
