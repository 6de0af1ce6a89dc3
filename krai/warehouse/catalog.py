"""An Iceberg catalog in one SQLite file that several processes share, and what its failures mean."""

import errno
import fcntl
import sqlite3
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.io import PY_IO_IMPL
from pyiceberg.table import Table
from sqlalchemy import delete
from sqlalchemy.exc import DatabaseError

from krai.errors import Terminal, Transient
from krai.warehouse.files import LocalFileIO

_BUSY_TIMEOUT_S = 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DatasetCatalog(Catalog):
    """What krai asks of a catalog beyond pyiceberg's own calls."""

    @abstractmethod
    def drop_seen(self, table: Table) -> bool:
        """Forget the table if it is as it was when it was loaded; False when it is not, or is gone. Its files stay."""


class LocalCatalog(SqlCatalog, DatasetCatalog):
    def drop_seen(self, table: Table) -> bool:
        namespace, name = table.name()
        seen = delete(IcebergTables).where(
            IcebergTables.catalog_name == self.name,
            IcebergTables.table_namespace == namespace,
            IcebergTables.table_name == name,
            IcebergTables.metadata_location == table.metadata_location,
        )
        with self.engine.begin() as connection:
            return connection.execute(seen).rowcount > 0


def open_catalog(file: Path) -> LocalCatalog:
    file.parent.mkdir(parents=True, exist_ok=True)
    # One process at a time: write-ahead logging is switched on, and tables are made, without waiting for anybody's lock.
    with translated(), file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with closing(sqlite3.connect(file, timeout=_BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        files = {PY_IO_IMPL: f"{LocalFileIO.__module__}.{LocalFileIO.__name__}"}
        return LocalCatalog("krai", uri=f"sqlite:///{file}?timeout={_BUSY_TIMEOUT_S}", **files)


@contextmanager
def translated() -> Iterator[None]:
    """Failures of the catalog and of the files under it as krai's own."""
    try:
        yield
    except (DatabaseError, sqlite3.Error) as error:
        if "disk is full" in str(error):
            raise Terminal("disk_full") from error
        raise Transient("store_busy", "The catalog of the datasets does not answer.") from error
    except OSError as error:
        if error.errno in _FULL:
            raise Terminal("disk_full") from error
        raise Transient("store_busy", "A file of the dataset cannot be read or written at the moment.") from error
