"""What the stores of a krai hold, read from the stores themselves: jobs, messages, files, tables. And what a fault does to them."""

import asyncio
import base64
import hashlib
import importlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.table.metadata import TableMetadata

from krai.job import Job
from krai.ports import JobQuery, Stores
from krai.settings import Settings
from krai.warehouse.iceberg import IcebergWarehouse
from krai.wiring.stores import open_stores, tools_of

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Messages:
    """How many wake-up messages, and how many dead letters, are in the queues."""

    waiting: int
    buried: int


class StoresSeen(ABC):
    """`spool` is the folder where files are made."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        self.home = home
        self.spool = home / "spool"
        self._env = env
        self._settings = Settings.model_validate({"KRAI_DATA_DIR": home, **env})
        self._digests: dict[tuple[str, str], str] = {}

    def open(self) -> AbstractAsyncContextManager[Stores]:
        """Stores of its own, for what `use` runs."""
        return open_stores(self._settings)

    def use(self, do: Callable[[Stores], Awaitable[T]]) -> T:
        """What `do` makes of the stores, as a process of krai has them."""

        async def run() -> T:
            async with self.open() as stores:
                return await do(stores)

        with self._environment():
            return asyncio.run(run())

    def jobs(self) -> list[Job]:
        return self.use(_all_jobs)

    def job(self, job_id: str) -> Job:
        job = self.use(lambda stores: stores.jobs.get(job_id))
        assert job is not None
        return job

    def publish(self, job: Job, times: int = 1) -> None:
        """Put `times` wake-up messages for a job into the queue."""

        async def do(stores: Stores) -> None:
            for _ in range(times):
                await stores.queue.publish(job)

        self.use(do)

    def files(self, prefix: str = "jobs/") -> dict[str, str]:
        """The digest (SHA-256) of every file of a prefix, by path, whoever may see it."""

        async def do(stores: Stores) -> dict[str, str]:
            found = {}
            for blob in await asyncio.to_thread(lambda: list(stores.blobs.list(prefix))):
                key = (blob.path, blob.generation)
                if key not in self._digests:
                    with stores.blobs.open(blob.path) as content:
                        self._digests[key] = hashlib.sha256(content.read()).hexdigest()
                found[blob.path] = self._digests[key]
            return found

        return self.use(do)

    def tables(self, names: set[str]) -> Iterator[tuple[str, TableMetadata]]:
        """The current metadata of those of the tables that there are, past the warehouse, which shows the newest snapshot alone.

        None of datasets that are in PostgreSQL or BigQuery: tests/acceptance/test_postgres.py and test_bigquery.py look at those.
        """
        if self._settings.postgres_url is not None or self._settings.bigquery_url is not None:
            return
        with self._environment():
            module, _, function = tools_of(self._settings).partition(":")
            warehouse: IcebergWarehouse = getattr(importlib.import_module(module), function)(self._settings).warehouse
            catalog = warehouse._catalog  # noqa: SLF001 - there is no other way to the one of this deployment
            for name in names:
                with suppress(NoSuchTableError):
                    yield name, catalog.load_table(("krai", name)).metadata

    @contextmanager
    def _environment(self) -> Iterator[None]:
        """Google's libraries look for emulators in the environment."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._env.items():
                patch.setenv(name, value)
            yield

    @abstractmethod
    def check(self) -> None:
        """Raises AssertionError when a store is damaged."""

    @abstractmethod
    def parts(self) -> list[str]:
        """The path of every file in the warehouse, read by a table or not."""

    @abstractmethod
    def messages(self) -> Messages:
        """What lies in the queues; of Pub/Sub: what nobody has under a lease."""

    @abstractmethod
    def send(self, body: str) -> None:
        """Put a message of any content into the queue."""

    def forget_messages(self) -> None:
        """Only where nobody has to be restarted for it."""
        raise NotImplementedError

    @abstractmethod
    def bury(self, body: str) -> None:
        """Put a message of any content into the dead-letter queue."""


async def _all_jobs(stores: Stores) -> list[Job]:
    found: list[Job] = []
    after: str | None = None
    while True:
        page = await stores.jobs.find(JobQuery(page_size=100, after=after))
        found += page.jobs
        after = page.next_page
        if after is None:
            return found


class EmbeddedStores(StoresSeen):
    """Everything is in the data folder, but for datasets that `env` has elsewhere."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        super().__init__(home, {name: value for name, value in env.items() if name == "KRAI_WAREHOUSE_URL"})

    def check(self) -> None:
        for path in self.home.rglob("*.sqlite"):
            with closing(sqlite3.connect(path, timeout=30)) as database:
                assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], path

    def parts(self) -> list[str]:
        return [str(path) for path in (self.home / "warehouse").rglob("*") if path.is_file()]

    def messages(self) -> Messages:
        count = "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM dead_letters)"
        return Messages(*self._queue(lambda database: database.execute(count).fetchone()))

    def send(self, body: str) -> None:
        insert = "INSERT INTO messages (body, visible_at) VALUES (?, 0)"
        self._queue(lambda database: database.execute(insert, (body,)))

    def bury(self, body: str) -> None:
        insert = "INSERT INTO dead_letters (body, visible_at, reason) VALUES (?, 0, 'by hand')"
        self._queue(lambda database: database.execute(insert, (body,)))

    def forget_messages(self) -> None:
        self._queue(lambda database: database.execute("DELETE FROM messages"))

    def _queue(self, do: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(self.home / "queue.sqlite", timeout=30)) as database, database:
            return do(database)


class GcpStores(StoresSeen):
    """Firestore, Pub/Sub and Cloud Storage; `env` leads there."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        super().__init__(home, env)
        self._pubsub = f"http://{env['PUBSUB_EMULATOR_HOST']}/v1/projects/{env['GOOGLE_CLOUD_PROJECT']}"

    def check(self) -> None:
        """Google's stores look after themselves."""

    def parts(self) -> list[str]:
        async def do(stores: Stores) -> list[str]:
            return [blob.path for blob in await asyncio.to_thread(lambda: list(stores.blobs.list("warehouse/")))]

        return self.use(do)

    def messages(self) -> Messages:
        return Messages(self._peek("krai-jobs-sub"), self._peek("krai-jobs-dead-sub"))

    def send(self, body: str) -> None:
        self._publish("krai-jobs", body)

    def bury(self, body: str) -> None:
        self._publish("krai-jobs-dead", body)

    def _publish(self, topic: str, body: str) -> None:
        self._post(f"topics/{topic}:publish", {"messages": [{"data": base64.b64encode(body.encode()).decode()}]})

    def _peek(self, subscription: str) -> int:
        """Messages that can be pulled at the moment; they are given back at once."""
        name = f"subscriptions/{subscription}"
        pulled = self._post(f"{name}:pull", {"maxMessages": 1000, "returnImmediately": True}).get("receivedMessages", [])
        if pulled:
            self._post(f"{name}:modifyAckDeadline", {"ackIds": [message["ackId"] for message in pulled], "ackDeadlineSeconds": 0})
        return len(pulled)

    def _post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(f"{self._pubsub}/{name}", json=body, timeout=30)
        assert answer.status_code == httpx.codes.OK, answer.text
        doc: dict[str, Any] = answer.json()
        return doc
