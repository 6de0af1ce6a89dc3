"""What lies in the embedded queue, counted in its file: the port counts nothing, because Pub/Sub cannot."""

import sqlite3
from contextlib import closing
from pathlib import Path


def waiting(folder: Path) -> int:
    """Messages that are not acked, leased or not."""
    return _count(folder, "SELECT count(*) FROM messages")


def buried(folder: Path) -> int:
    """Messages of the dead-letter queue."""
    return _count(folder, "SELECT count(*) FROM dead_letters")


def _count(folder: Path, statement: str) -> int:
    path = folder / "queue.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=30)) as database:
        return int(database.execute(statement).fetchone()[0])
