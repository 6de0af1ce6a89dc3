"""The operators' documents in one durable SQLite file."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from krai.backends.documents import to_json
from krai.backends.local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    collection TEXT NOT NULL, name TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (collection, name)
) WITHOUT ROWID
"""
GET = "SELECT doc FROM documents WHERE collection = ? AND name = ?"
PUT = "INSERT OR REPLACE INTO documents (collection, name, doc) VALUES (?, ?, ?)"
DELETE = "DELETE FROM documents WHERE collection = ? AND name = ?"


class LocalDirectory:
    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA, durable=True)

    async def get(self, collection: str, name: str) -> dict[str, Any] | None:
        row = await self._database.read(lambda connection: connection.execute(GET, (collection, name)).fetchone())
        return None if row is None else dict(json.loads(row[0]))

    async def put(self, collection: str, name: str, doc: dict[str, Any]) -> None:
        values = (collection, name, to_json(doc))
        await self._database.run(lambda connection: connection.execute(PUT, values))

    async def delete(self, collection: str, name: str) -> None:
        await self._database.run(lambda connection: connection.execute(DELETE, (collection, name)))

    async def change(
        self, collection: str, name: str, step: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        def work(connection: sqlite3.Connection) -> dict[str, Any] | None:
            found = connection.execute(GET, (collection, name)).fetchone()
            doc = step(None if found is None else json.loads(found[0]))
            if doc is not None:
                connection.execute(PUT, (collection, name, to_json(doc)))
            elif found is not None:
                connection.execute(DELETE, (collection, name))
            return doc

        return await self._database.run(work)

    async def list(self, collection: str) -> Sequence[tuple[str, dict[str, Any]]]:
        statement = "SELECT name, doc FROM documents WHERE collection = ? ORDER BY name"
        rows = await self._database.read(lambda connection: connection.execute(statement, (collection,)).fetchall())
        return [(name, json.loads(doc)) for name, doc in rows]

    async def check(self) -> None:
        await self._database.check()

    async def close(self) -> None:
        await self._database.close()
