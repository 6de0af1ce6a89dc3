"""The warehouse port: datasets as tables with snapshots. It stands apart from `krai.ports` because it speaks Arrow, which only
worker children load.

A dataset is changed by `commit` alone: all of a job's parts become visible together, or none. The commit carries the job id in
the table's history, and a job that is already there is not committed again, whoever runs it and however often.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa

from krai.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows and columns of a dataset to read; names and the filter are those of the snapshot that is read.

    `columns` come in this order, None: all. `filter` is text for `krai.predicate.parse`. `limit` counts what the filter lets through, in
    table order. `as_of` is a snapshot id (decimal digits) or a time (RFC 3339: the newest snapshot not later than it), None: the newest.
    """

    columns: Sequence[str] | None = None
    filter: str | None = None
    limit: int | None = None
    as_of: str | None = None


EVERYTHING = Query()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """A snapshot ready to be read: `parts` in table order, each reads one piece of bounded size when called, by any thread.

    `rows` is what the snapshot holds, from its own books. `dropped` counts those that the filter was seen to refuse, and is to be asked
    when all parts have been read; None: there is no filter. Every row of the snapshot is therefore dropped, or read, or beyond `limit`.
    """

    schema: pa.Schema
    rows: int
    snapshot_id: str
    snapshot_time: str  # RFC 3339 UTC
    parts: Iterable[Callable[[], pa.Table]]
    limit: int | None = None
    dropped: Callable[[], int] | None = None

    def matching(self) -> int:
        """The rows that the filter lets through, whatever the limit; more than those as long as parts have not been read."""
        return self.rows - (0 if self.dropped is None else self.dropped())

    def expected(self) -> int:
        """The number of rows that whoever has read the parts must have arrived at."""
        matching = self.matching()
        return matching if self.limit is None else min(matching, self.limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A commit that stands in the table's history. `summary` is what the job stored with it (numbers and names as text).

    `epoch` is the one whose parts were taken; `dataset` is as it stands now.
    """

    snapshot_id: str
    epoch: int
    dataset: Dataset
    summary: dict[str, str]


class Part(Protocol):
    """Rows on their way into the warehouse, seen by nobody until a commit names their `location`."""

    location: str

    def write(self, table: pa.Table) -> None:
        """Add rows. All tables of a part have the same columns; scans give pieces about as large as these tables are."""

    def close(self) -> None:
        """Make the rows durable; a part that is not closed is not committed."""


class Mode(StrEnum):
    """What becomes of the rows that a dataset has already."""

    APPEND = "append"
    REPLACE = "replace"  # they are gone, and so is the schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an import does to a dataset: `parts` are the locations of closed parts, `schema` is that of all of them together.

    `summary` is kept with the commit, as text.
    """

    job_id: str
    epoch: int
    schema: pa.Schema
    parts: Sequence[str]
    mode: Mode = Mode.APPEND
    summary: Mapping[str, Any] = field(default_factory=dict)


class Warehouse(Protocol):
    """Raises Transient store_busy for what may pass, Terminal dataset_not_found, Terminal disk_full."""

    def describe(self, name: str) -> Dataset | None: ...

    def schema(self, name: str) -> pa.Schema | None:
        """The current columns of a dataset, None when there is no such dataset."""

    def scan(self, name: str, query: Query = EVERYTHING) -> Scan:
        """Raises Terminal dataset_not_found, snapshot_not_found, unknown_column, invalid_filter."""

    def open_part(self, name: str, job_id: str, epoch: int, number: int) -> Part:
        """Begin the part `number` of an import, apart from every other job and epoch."""

    def commit(self, name: str, change: Change) -> Committed:
        """Make the parts visible, creating the dataset when needed.

        The look-up of the job and the commit are one compare-and-set: when the job already stands in the history the earlier
        commit is returned and these parts are not used. Conflicts with other jobs are retried inside.
        """

    def find_commit(self, name: str, job_id: str) -> Committed | None: ...

    def drop(self, name: str) -> None:
        """Remove the dataset and its files; nothing happens when there is none."""

    def sweep(self, name: str, job_id: str, keep_epoch: int | None) -> None:
        """Delete the files of a job's epochs other than `keep_epoch` and the one that was committed."""
