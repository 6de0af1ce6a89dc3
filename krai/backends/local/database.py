"""One SQLite file that several processes open at once, each through one thread of its own.

Write-ahead logging lets readers and one writer work side by side. A writer takes the lock when it begins (BEGIN IMMEDIATE), so no
transaction fails half way because another one was faster. SQLite's errors become krai's here and nowhere else.
"""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from krai.backends.local.changes import Changes, Watcher
from krai.backends.local.trace import Trace
from krai.durable import make_folders
from krai.errors import KraiError, Terminal, Transient

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
WAL_KEPT_BYTES = 64 << 20
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})


class Database:
    """`schema` is a script of CREATE … IF NOT EXISTS statements, `version` its number.

    `durable`: a commit is on the disk when `run` returns, at the price of one fsync. Otherwise a power cut may take the last commits,
    and a damaged file is set aside and made anew: such a file may hold only what can be lost.
    """

    def __init__(self, path: Path, schema: str, *, version: int = 1, durable: bool, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        self._durable = durable
        self._busy_timeout_s = busy_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=path.stem)
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._closed = False
        self._changes = Changes(self._changed_elsewhere)
        self._trace = Trace(path.with_name(f"{path.name}-wal"))
        self._version_seen: tuple[int | None, int] | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T], *, topic: str | None = None) -> T:
        """What `work` returns, done in one write transaction; those who watch `topic` are woken by its commit."""
        return await self._submit(lambda connection: _transact(connection, work), topic)

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns; it must not write."""
        return await self._submit(work, None)

    def watch(self, topic: str) -> contextlib.AbstractContextManager[Watcher]:
        """A watcher that is woken by writes about `topic`, and by any write of another process."""
        return self._changes.watch(topic)

    async def check(self) -> None:
        """Returns when the file can be read. Raises Transient store_busy."""
        await self.read(lambda connection: connection.execute("SELECT count(*) FROM sqlite_schema").fetchone())

    async def close(self) -> None:
        """End what was begun, then let the file go. Later calls raise Transient not_ready."""
        if self._closed:
            return
        self._closed = True
        await self._changes.close()
        await asyncio.wrap_future(self._thread.submit(self._let_go))
        self._thread.shutdown()

    async def _changed_elsewhere(self) -> bool:
        if self._trace.cold():
            return False
        seen = self._version_seen
        # A file made anew counts from the start again, so the number alone could be the one seen before.
        self._version_seen = await self.read(lambda connection: (self._inode, connection.execute("PRAGMA data_version").fetchone()[0]))
        return self._version_seen != seen

    async def _submit(self, work: Callable[[sqlite3.Connection], T], topic: str | None) -> T:
        if self._closed:
            raise Transient("not_ready", "krai is stopping.", retry_after_s=1)
        loop = asyncio.get_running_loop()
        future = self._thread.submit(self._attempt, work)

        # Woken by the thread and not by the caller: a caller that is cancelled meanwhile would leave the watchers asleep.
        def wake(_: Future[T]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and the watchers with it
                loop.call_soon_threadsafe(self._changes.announce, topic)

        if topic is not None:
            future.add_done_callback(wake)
        return await asyncio.wrap_future(future)

    # -- in the thread ----------------------------------------------------------------------------------------------------

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as error:
                if self._durable or _code(error) not in DAMAGED:
                    raise
                self._set_aside()
                return work(self._open())
        except sqlite3.Error as error:
            raise _translate(error) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            # A file that may be set aside may have been set aside by another process.
            if self._durable or self._inode == _inode(self._path):
                return self._connection
            self._let_go()
        make_folders(self._path.parent)
        with self._alone():
            connection = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None)
            self._connection, self._inode = connection, _inode(self._path)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                self._connection = None
                raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit={WAL_KEPT_BYTES}")
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > self._version:
            raise Terminal("internal", "The data folder was written by a newer version of krai.")
        if found < self._version:
            connection.executescript(f"BEGIN IMMEDIATE; {self._schema}; PRAGMA user_version={self._version}; COMMIT")

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from opening the file meanwhile: SQLite's own waiting does not cover the switch to WAL.

        A file beside it is locked, for closing any handle of the database itself would end SQLite's locks on it.
        """
        with self._path.with_name(f"{self._path.name}.lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _set_aside(self) -> None:
        damaged = self._inode
        self._let_go()
        with self._alone():
            if _inode(self._path) != damaged:
                return  # another process was faster
            for suffix in ("-shm", "-wal", ""):
                with contextlib.suppress(FileNotFoundError):
                    name = self._path.name
                    self._path.with_name(name + suffix).replace(self._path.with_name(f"{name}.damaged{suffix}"))

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _transact(connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise
    return result


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 for errors of the Python module itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translate(error: sqlite3.Error) -> KraiError | sqlite3.Error:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL:
        return Terminal("disk_full")
    if code in PASSING:
        return Transient("store_busy", retry_after_s=1)
    if code in DAMAGED:
        return Terminal("internal", "A database in the data folder is damaged.")
    return error
