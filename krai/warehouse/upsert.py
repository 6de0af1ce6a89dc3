"""An upsert looks its keys up: among its own rows, of which the last of a key counts, and in the table it is about to commit to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema

from krai.errors import Terminal
from krai.warehouse.columns import arrow_schema
from krai.warehouse.keys import KeyedFiles, Keys, by_file
from krai.warehouse.pieces import Kept
from krai.warehouse.plan import Plan
from krai.warehouse.port import Counts
from krai.warehouse.positions import Gone


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of old and of new files that are `gone` with the upsert: `rows` of them."""

    gone: Gone
    rows: int
    counts: Counts


class Upsert:
    """The keys of one import, taken from its parts once, however often its commit is tried."""

    def __init__(self, key: pa.Schema, scratch: Path | None, kept: Kept) -> None:
        self._keys = Keys(key, scratch)
        self._kept = kept
        self._repeated: Gone | None = None

    def close(self) -> None:
        self._keys.close()

    def look_up(self, io: FileIO, schema: Schema, parts: Sequence[DataFile], plan: Plan) -> Found:
        files = KeyedFiles(io, schema, self._kept)
        if self._repeated is None:
            self._repeated = by_file(self._keys.take(files.rows(parts, self._keys.schema)), parts)
        stored = [arrow_schema(schema).field(name) for name in self._keys.schema.names]
        key = pa.schema(stored)
        places, updated = self._keys.matches(files.rows(plan.files, key, gone=plan.gone, near=self._keys), key)
        counts = Counts(inserted=len(self._keys) - updated, updated=updated)
        gone = {**self._repeated, **by_file(places, plan.files)}
        return Found(gone, sum(map(len, gone.values())), counts)


def key_schema(schema: pa.Schema, key: Sequence[str]) -> pa.Schema:
    """The key columns. Raises Terminal unknown_column."""
    if not set(key) <= set(schema.names):
        raise Terminal("unknown_column", "The key names a column that the file does not have.")
    return pa.schema([schema.field(name) for name in key])
