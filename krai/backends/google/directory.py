"""Operators' documents in Firestore, each under the digest of its name: an e-mail address or a path is no document id."""

import contextlib
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from google.cloud.firestore import AsyncDocumentReference

from krai.backends.google import queries, stored
from krai.backends.google.firestore import Firestore, Refused
from krai.errors import Transient

ROUNDS = 10


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

    async def change(
        self, collection: str, name: str, step: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """A write whose answer was lost may be made once more, by `step` of what it has written."""
        reference = self._entry(collection, name)
        for _ in range(ROUNDS):
            there = await self._firestore.read(reference)
            entry = stored.entry_in(there)
            doc = step(None if entry is None else entry[1])
            if doc is None and not there.exists:
                return None
            batch = self._firestore.client.batch()
            if doc is None:
                batch.delete(reference, self._firestore.client.write_option(last_update_time=there.update_time))
            elif there.exists:
                unchanged = self._firestore.client.write_option(last_update_time=there.update_time)
                batch.update(reference, stored.of_entry(name, doc), unchanged)
            else:
                batch.create(reference, stored.of_entry(name, doc))
            with contextlib.suppress(Refused):
                await self._firestore.commit(batch)
                return doc
        raise Transient("store_busy", retry_after_s=1)

    async def list(self, collection: str) -> Sequence[tuple[str, dict[str, Any]]]:
        found = await self._firestore.run(queries.entries(self._firestore.client, collection))
        return sorted((entry for entry in map(stored.entry_in, found) if entry is not None), key=itemgetter(0))

    async def check(self) -> None:
        await self._firestore.check()

    async def close(self) -> None:
        await self._firestore.close()

    def _entry(self, collection: str, name: str) -> AsyncDocumentReference:
        return self._firestore.client.document(stored.DIRECTORY, collection, stored.ENTRIES, stored.id_of(name))
