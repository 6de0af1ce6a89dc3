"""The stores of the embedded mode, as the API and the worker loop share them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.disk import secret_key
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import Stores
from krai.settings import Settings
from krai.wiring.folders import data_dir


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    home = data_dir(settings)
    stores = Stores(
        jobs=LocalJobStore(home / "jobs.sqlite"),
        queue=LocalJobQueue(home / "queue.sqlite"),
        blobs=LocalBlobStore(home / "blobs", secret_key(home / "secret.key")),
        directory=LocalDirectory(home / "directory.sqlite"),
    )
    try:
        yield stores
    finally:
        await stores.queue.close()
        await stores.directory.close()
        await stores.jobs.close()
