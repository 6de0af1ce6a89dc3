"""What is known of a dataset without opening it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from krai.job import format_time, parse_time

MOST_SNAPSHOTS = 50  # with its columns a dataset is a document of some 10 kB at most, and listed with all others
OWN_PREFIX = "_krai_"  # of columns that rejects files have of krai, and no dataset gets
LARGEST_COLUMNS_BYTES = 960 << 10  # as JSON in ASCII; the snapshots have the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as clients see it: `type` is one of the names in `krai.formats.types`."""

    name: str
    type: str
    nullable: bool = True


def fit_a_listing(columns: Iterable[Column]) -> bool:
    """Whether a dataset may have these columns: it is listed as one document, of at most 1 MiB in Firestore."""
    return len(json.dumps([asdict(column) for column in columns])) <= LARGEST_COLUMNS_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a job has made of a dataset: `rows` are those there were then, the others are those it has changed, by what became of them.

    `mode` is that of an import, or `undo`.
    """

    snapshot_id: str
    committed_at: datetime
    job_id: str
    mode: str
    rows: int
    inserted: int = 0
    updated: int = 0
    removed: int = 0
    restored: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What is known of a dataset without opening it. `snapshot_id` is decimal digits as text: it does not fit JSON's numbers.

    `snapshots` are those that are known, newest first, at most `MOST_SNAPSHOTS`.
    """

    name: str
    columns: tuple[Column, ...]
    rows: int
    bytes: int
    snapshot_id: str | None
    updated_at: datetime
    snapshots: tuple[Snapshot, ...] = ()

    def joined(self, other: "Dataset") -> "Dataset":
        """The later one of both, with the snapshots of both."""
        known = {snapshot.snapshot_id: snapshot for snapshot in (*other.snapshots, *self.snapshots)}
        newest_first = sorted(known.values(), key=lambda snapshot: (snapshot.committed_at, snapshot.snapshot_id), reverse=True)
        later = other if other.updated_at > self.updated_at else self
        return replace(later, snapshots=tuple(newest_first[:MOST_SNAPSHOTS]))

    def to_doc(self) -> dict[str, Any]:
        snapshots = [{**asdict(snapshot), "committed_at": format_time(snapshot.committed_at)} for snapshot in self.snapshots]
        return {**asdict(self), "updated_at": format_time(self.updated_at), "snapshots": snapshots}

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        columns = tuple(Column(**column) for column in doc["columns"])
        snapshots = tuple(Snapshot(**{**item, "committed_at": parse_time(item["committed_at"])}) for item in doc.get("snapshots", ()))
        return cls(**{**doc, "columns": columns, "updated_at": parse_time(doc["updated_at"]), "snapshots": snapshots})
