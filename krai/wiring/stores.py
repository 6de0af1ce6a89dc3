"""The backends that the API and the worker loop share."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.disk import secret_key
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.ports import Stores
from krai.settings import Mode, Settings, UnsafeSettings


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """The stores of the mode that `settings` choose, closed at the end of the block. Raises UnsafeSettings."""
    if settings.mode is not Mode.EMBEDDED:
        raise UnsafeSettings("This version of krai runs embedded only: unset GOOGLE_CLOUD_PROJECT and GCS_BUCKET")
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


def data_dir(settings: Settings) -> Path:
    """The data folder, made when it is not there. Raises UnsafeSettings when that is impossible."""
    home = settings.data_dir.absolute()
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UnsafeSettings(f"KRAI_DATA_DIR: the folder cannot be made ({error.strerror})") from None
    return home


def spool_dir(settings: Settings) -> Path:
    """A folder of this process's own for files in the making; what killed processes left behind is removed."""
    spools = data_dir(settings) / "spool"
    spools.mkdir(exist_ok=True)
    for left in spools.iterdir():
        if left.name.isdigit() and not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    own = spools / str(os.getpid())
    own.mkdir(exist_ok=True)
    return own
