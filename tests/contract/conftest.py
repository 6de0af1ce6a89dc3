"""The backends of each port. A new backend is one entry in a table here; the suites stay as they are.

A suite gets `open_…`: each call opens the same place once more, as another process does, and everything is closed at the end.
"""

import base64
import functools
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import httpx
import pytest

from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.directory import FirestoreDirectory
from krai.backends.google.firestore import Firestore
from krai.backends.google.jobs import FirestoreJobStore
from krai.backends.google.queue import PubSubJobQueue
from krai.backends.google.signing import LinkSigner
from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import BlobStore, Directory, JobQueue, JobStore
from krai.warehouse.port import Warehouse
from scripts import provision
from scripts.emulators import Emulator, Emulators
from tests.contract import warehouses
from tests.contract.importing import open_place

LOCAL = "local"


class Closable(Protocol):
    async def close(self) -> None: ...


P = TypeVar("P", bound=Closable)


@dataclass(frozen=True)
class Place:
    """Where the data of one test are: in a folder, and with the emulators in a project that nobody else uses."""

    folder: Path
    project: str = ""
    started: Emulators | None = None

    @property
    def emulators(self) -> Emulators:
        assert self.started is not None, "the embedded backends have none"
        return self.started


Opens = Callable[[Place], Awaitable[P]]


class Opener(Generic[P]):
    def __init__(self, opens: Opens[P], place: Place) -> None:
        self._opens = opens
        self._place = place
        self._opened: list[P] = []

    async def __call__(self) -> P:
        self._opened.append(await self._opens(self._place))
        return self._opened[-1]

    async def close(self) -> None:
        for port in self._opened:
            await port.close()


async def _local_jobs(place: Place) -> JobStore:
    return LocalJobStore(place.folder / "jobs.sqlite")


async def _local_queue(place: Place) -> JobQueue:
    return LocalJobQueue(place.folder / "queue.sqlite")


async def _local_directory(place: Place) -> Directory:
    return LocalDirectory(place.folder / "directory.sqlite")


def _local_blobs(place: Place) -> BlobStore:
    return LocalBlobStore(place.folder / "blobs", b"k" * 32)


async def _firestore_jobs(place: Place) -> JobStore:
    return FirestoreJobStore(await Firestore.open(place.project))


async def _firestore_directory(place: Place) -> Directory:
    return FirestoreDirectory(await Firestore.open(place.project))


@functools.cache
def _a_bucket(url: str, project: str) -> str:
    """Named as the project."""
    provision.bucket(url, project, project)
    return project


def _gcs_blobs(place: Place) -> BlobStore:
    url = f"http://{place.emulators.storage.host}"
    signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
    return GcsBlobStore(_a_bucket(url, place.project), project=place.project, emulator=url, signer=signer)


async def _forge_local_message(place: Place, body: bytes) -> None:
    connection = sqlite3.connect(place.folder / "queue.sqlite")
    with connection:
        connection.execute("INSERT INTO messages (body, visible_at) VALUES (?, ?)", (body, time.time()))
    connection.close()


async def _pubsub_queue(place: Place) -> JobQueue:
    place.emulators.provision_pubsub(place.project)
    names = {"topic": provision.TOPIC, "subscription": provision.SUBSCRIPTION, "dead_letter_topic": provision.DEAD}
    return await PubSubJobQueue.open(place.project, **names, emulator=place.emulators.pubsub.host)


async def _forge_pubsub_message(place: Place, body: bytes) -> None:
    url = f"http://{place.emulators.pubsub.host}/v1/projects/{place.project}/topics/{provision.TOPIC}:publish"
    # The attribute is there because Pub/Sub takes no message that has neither content nor attributes.
    forged = {"data": base64.b64encode(body).decode(), "attributes": {"from": "a stranger"}}
    async with httpx.AsyncClient() as client:
        (await client.post(url, json={"messages": [forged]})).raise_for_status()


@dataclass(frozen=True)
class QueueBackend:
    opens: Opens[JobQueue]
    forge: Callable[[Place, bytes], Awaitable[None]]  # puts any bytes into the queue, as a stranger to krai would


# By name; all but the embedded backends get the emulators.
JOB_STORES: dict[str, Opens[JobStore]] = {LOCAL: _local_jobs, "firestore": _firestore_jobs}
JOB_QUEUES = {
    LOCAL: QueueBackend(_local_queue, _forge_local_message),
    "pubsub": QueueBackend(_pubsub_queue, _forge_pubsub_message),
}
DIRECTORIES: dict[str, Opens[Directory]] = {LOCAL: _local_directory, "firestore": _firestore_directory}
BLOB_STORES = {LOCAL: _local_blobs, "gcs": _gcs_blobs}
SERVED_BLOB_STORES = {LOCAL: _local_blobs}  # those whose links and uploads the API answers


@pytest.fixture
def place_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Place]:
    """The place of a backend: for all but the embedded ones with the emulators started, and where Google's libraries look for them."""

    def place_of(backend: str) -> Place:
        if backend == LOCAL:
            return Place(tmp_path)
        emulators: Emulators = request.getfixturevalue("emulators")
        monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
        for name, host in emulators.hosts.items():
            monkeypatch.setenv(name, host)
        return Place(tmp_path, f"krai-{secrets.token_hex(6)}", emulators)

    return place_of


@pytest.fixture(params=JOB_STORES)
async def open_jobs(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> AsyncIterator[Opener[JobStore]]:
    opener = Opener[JobStore](JOB_STORES[request.param], place_of(request.param))
    yield opener
    await opener.close()


@pytest.fixture
async def jobs(open_jobs: Opener[JobStore]) -> JobStore:
    return await open_jobs()


@pytest.fixture(params=JOB_QUEUES)
def queue_backend(request: pytest.FixtureRequest) -> QueueBackend:
    return JOB_QUEUES[request.param]


@pytest.fixture
def queue_place(queue_backend: QueueBackend, place_of: Callable[[str], Place]) -> Place:
    return place_of(next(name for name, backend in JOB_QUEUES.items() if backend is queue_backend))


@pytest.fixture
async def open_queue(queue_backend: QueueBackend, queue_place: Place) -> AsyncIterator[Opener[JobQueue]]:
    opener = Opener[JobQueue](queue_backend.opens, queue_place)
    yield opener
    await opener.close()


@pytest.fixture
async def queue(open_queue: Opener[JobQueue]) -> JobQueue:
    return await open_queue()


@pytest.fixture
async def forge(queue: JobQueue, queue_backend: QueueBackend, queue_place: Place) -> Callable[[bytes], Awaitable[None]]:
    await queue.check()  # it is there

    async def forge(body: bytes) -> None:
        await queue_backend.forge(queue_place, body)

    return forge


@pytest.fixture(params=DIRECTORIES)
async def open_directory(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> AsyncIterator[Opener[Directory]]:
    opener = Opener[Directory](DIRECTORIES[request.param], place_of(request.param))
    yield opener
    await opener.close()


@pytest.fixture(params=BLOB_STORES)
def open_blobs(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> Callable[[], BlobStore]:
    place = place_of(request.param)
    return lambda: BLOB_STORES[request.param](place)


@pytest.fixture
def blobs(open_blobs: Callable[[], BlobStore]) -> BlobStore:
    return open_blobs()


@pytest.fixture(params=SERVED_BLOB_STORES)
def open_served(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> Callable[[], Any]:
    place = place_of(request.param)
    return lambda: SERVED_BLOB_STORES[request.param](place)


@pytest.fixture
def a_file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Makes local files to be stored; each call another one."""
    made: list[Path] = []

    def make(content: bytes) -> Path:
        made.append(tmp_path / f"source-{len(made)}")
        made[-1].write_bytes(content)
        return made[-1]

    return make


@pytest.fixture(scope="session")
def rest_catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An Iceberg REST catalog that asks for no credential."""
    catalog = warehouses.rest_catalog(tmp_path_factory.mktemp("rest"))
    yield catalog
    catalog.stop()


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.long] if name in warehouses.LONG else []) for name in warehouses.PLACES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[warehouses.Place]:
    if request.param == "folder":
        yield warehouses.folder(tmp_path)
    elif request.param == "rest":
        yield warehouses.rest(request.getfixturevalue("rest_catalog"), tmp_path)
    elif request.param == "bucket":
        yield warehouses.bucket(request.getfixturevalue("emulators"), request.getfixturevalue("monkeypatch"))
    elif request.param == "bigquery":
        yield warehouses.dataset(request.getfixturevalue("bigquery"), request.getfixturevalue("monkeypatch"))
    else:
        with request.getfixturevalue("postgres").database() as url:
            yield warehouses.Database(url)


@pytest.fixture
def open_warehouse(place: warehouses.Place) -> Callable[[], Warehouse]:
    """Each call opens the same data once more, as another process does."""
    return lambda: open_place(place.url)


@pytest.fixture
def warehouse(open_warehouse: Callable[[], Warehouse]) -> Warehouse:
    return open_warehouse()
