from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import Stores
from tests.https_source import HttpsSource, serving


class ClockedJobStore(LocalJobStore):
    """A store whose clock goes on by `ahead` when a test says so."""

    ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def source() -> Iterator[HttpsSource]:
    with serving() as source:
        yield source


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(
        ClockedJobStore(tmp_path / "jobs.sqlite"),
        LocalJobQueue(tmp_path / "queue.sqlite"),
        LocalBlobStore(tmp_path / "blobs", b"secret"),
        LocalDirectory(tmp_path / "directory.sqlite"),
    )
    yield stores
    await stores.queue.close()
    await stores.directory.close()
    await stores.jobs.close()
