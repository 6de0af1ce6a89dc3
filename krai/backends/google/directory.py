"""Operators' documents in Firestore, each under the digest of its name: an e-mail address or a path is no document id."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from google.cloud.firestore import AsyncDocumentReference

from krai.backends.google import queries, stored
from krai.backends.google.firestore import Firestore


class FirestoreDirectory:
    def __init__(self, firestore: Firestore) -> None:
        self._firestore = firestore

    async def get(self, collection: str, name: str) -> dict[str, Any] | None:
        entry = stored.entry_in(await self._firestore.read(self._entry(collection, name)))
        return None if entry is None else entry[1]

    async def put(self, collection: str, name: str, doc: dict[str, Any]) -> None:
        batch = self._firestore.client.batch()
        batch.set(self._entry(collection, name), stored.of_entry(name, doc))
        await self._firestore.commit(batch)

    async def delete(self, collection: str, name: str) -> None:
        batch = self._firestore.client.batch()
        batch.delete(self._entry(collection, name))
        await self._firestore.commit(batch)

    async def list(self, collection: str) -> Sequence[tuple[str, dict[str, Any]]]:
        found = await self._firestore.run(queries.entries(self._firestore.client, collection))
        return sorted((entry for entry in map(stored.entry_in, found) if entry is not None), key=itemgetter(0))

    async def check(self) -> None:
        await self._firestore.check()

    async def close(self) -> None:
        await self._firestore.close()

    def _entry(self, collection: str, name: str) -> AsyncDocumentReference:
        return self._firestore.client.document(stored.DIRECTORY, collection, stored.ENTRIES, stored.id_of(name))
