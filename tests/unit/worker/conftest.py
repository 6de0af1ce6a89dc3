import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import Stores
from krai.worker.pool import ChildPool, ChildTerms

# Children import the scripted warehouse by name.
sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[ChildPool]:
    terms = ChildTerms(
        build="scripted:build", build_args=(str(tmp_path),), spool=tmp_path / "spool", memory_bytes=400 << 20, job_timeout_s=3
    )
    pool = ChildPool(terms, size=1)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(
        LocalJobStore(tmp_path / "jobs.sqlite"),
        LocalJobQueue(tmp_path / "queue.sqlite"),
        LocalBlobStore(tmp_path / "blobs", b"secret"),
        LocalDirectory(tmp_path / "directory.sqlite"),
    )
    yield stores
    await stores.queue.close()
    await stores.directory.close()
    await stores.jobs.close()
