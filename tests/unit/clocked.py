"""Embedded stores whose clock goes on when a test says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import Stores


class ClockedJobStore(LocalJobStore):
    """Its clock is `ahead` of the machine's."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@asynccontextmanager
async def open_stores(folder: Path) -> AsyncIterator[Stores]:
    stores = Stores(
        ClockedJobStore(folder / "jobs.sqlite"),
        LocalJobQueue(folder / "queue.sqlite"),
        LocalBlobStore(folder / "blobs", b"secret"),
        LocalDirectory(folder / "directory.sqlite"),
    )
    yield stores
    await stores.queue.close()
    await stores.directory.close()
    await stores.jobs.close()
