"""The two ways to PostgreSQL: psycopg for transactions, ADBC for columns of Arrow in and out by COPY.

ADBC is kept out of transactions: a read leaves its connection in a state in which the next transaction is none.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql
import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from krai.errors import Terminal
from krai.settings import UnsafeSettings
from krai.warehouse.postgres.failures import translated
from krai.warehouse.postgres.pool import Pool

Row = tuple[Any, ...]
Connection = psycopg.Connection[Row]

# A server or a network that is gone is noticed, by both ends: a worker that vanished must not keep a dataset locked.
_LINE: dict[str, Any] = {
    "application_name": "krai",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
LOCK_TIMEOUT = "60s"
_SESSION = (
    "set statement_timeout = 0",
    f"set lock_timeout = '{LOCK_TIMEOUT}'",
    "set idle_in_transaction_session_timeout = '120s'",
    "set tcp_keepalives_idle = 30",
    "set tcp_keepalives_interval = 10",
    "set tcp_keepalives_count = 3",
    "set client_connection_check_interval = '5s'",
    "set default_transaction_isolation = 'read committed'",
    "set search_path = pg_catalog",
    "set standard_conforming_strings = on",
    "set constraint_exclusion = partition",
    "set timezone = 'UTC'",
)
_UTF8 = "UTF8"
# Rows of a table that was written by one COPY are read in the order of its blocks, by one process.
_IN_ORDER = "set max_parallel_workers_per_gather = 0"
# A commit that krai has told of must not be lost in a crash, whatever the server holds for good enough.
_DURABLE = "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'"


class Connections:
    """For several threads at once; connects when it is first used. Raises UnsafeSettings, and later what `failures` says."""

    def __init__(self, url: str) -> None:
        try:
            given = conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            # Its text has a piece of the address in it, which may be one of the password.
            raise UnsafeSettings("KRAI_WAREHOUSE_URL is no address of PostgreSQL's; percent-encode what is special in a password") from None
        self._where = make_conninfo(**{**_LINE, **given, "client_encoding": _UTF8})
        self._database: adbc_driver_manager.AdbcDatabase | None = None
        self._lock = threading.Lock()
        self._plain: Pool[Connection] = Pool(self._connect, lambda one: one.execute("select"), psycopg.Error)
        self._arrow: Pool[adbc_driver_manager.AdbcConnection] = Pool(
            self._connect_arrow, lambda one: _update(one, "select"), adbc_driver_manager.Error
        )

    @contextmanager
    def statements(self) -> Iterator[Connection]:
        """A connection where each statement stands for itself."""
        with translated(), self._plain.take() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.statements() as connection, connection.transaction():
            yield connection

    def query(self, statement: str) -> pa.Table:
        """What a query says, in the types that ADBC has for PostgreSQL's."""
        with translated(), self._arrow.take() as connection, adbc_driver_manager.AdbcStatement(connection) as asked:
            asked.set_sql_query(statement)
            stream, _ = asked.execute_query()
            return pa.table(stream)

    def copy(self, rows: pa.RecordBatchReader, name: str) -> None:
        """Add rows to a table whose columns have the very types that ADBC takes those of `rows` for: others would be stored wrong."""
        options = {
            adbc_driver_manager.StatementOptions.INGEST_TARGET_DB_SCHEMA.value: "krai_rows",
            adbc_driver_manager.StatementOptions.INGEST_TARGET_TABLE.value: name,
            adbc_driver_manager.StatementOptions.INGEST_MODE.value: "adbc.ingest.mode.append",
        }
        with translated(), self._arrow.take() as connection, adbc_driver_manager.AdbcStatement(connection) as ingestion:
            ingestion.set_options(**options)
            ingestion.bind_stream(rows)
            ingestion.execute_update()

    def _connect(self) -> Connection:
        connection = psycopg.connect(self._where, autocommit=True, prepare_threshold=None)
        if connection.info.parameter_status("server_encoding") != _UTF8:
            connection.close()
            raise Terminal(
                "internal", "The database of KRAI_WAREHOUSE_URL is not in UTF8, so it cannot hold all text: make one with encoding 'UTF8'."
            )
        connection.execute("; ".join((*_SESSION, _DURABLE)).encode())
        return connection

    def _connect_arrow(self) -> adbc_driver_manager.AdbcConnection:
        with self._lock:
            if self._database is None:
                self._database = adbc_driver_postgresql.connect(self._where)
        connection = adbc_driver_manager.AdbcConnection(self._database)
        for setting in (*_SESSION, _IN_ORDER):
            _update(connection, setting)
        return connection


def _update(connection: adbc_driver_manager.AdbcConnection, statement: str) -> None:
    with adbc_driver_manager.AdbcStatement(connection) as asked:
        asked.set_sql_query(statement)
        asked.execute_update()
