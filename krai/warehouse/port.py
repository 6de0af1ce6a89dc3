"""The warehouse port: datasets as tables with snapshots. It stands apart from `krai.ports` because it speaks Arrow, which only
worker children load.

A dataset is changed by `commit` alone: all of a job's parts become visible together, or none. The commit carries the job id in
the table's history, and a job that is already there is not committed again, whoever runs it and however often.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from krai.dataset import Dataset, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which rows and columns of a dataset to read; names and the filter are those of the snapshot that is read.

    `columns` come in this order, None: all. `filter` is text for `krai.predicate.parse`. `limit` counts what the filter lets through, in
    table order. `as_of` is a snapshot id (decimal digits) or a time (RFC 3339: the newest snapshot not later than it), None: the newest.
    `attempt` are the job and the epoch that read, for a warehouse that has files lie beside the attempt's own meanwhile.
    """

    columns: Sequence[str] | None = None
    filter: str | None = None
    limit: int | None = None
    as_of: str | None = None
    attempt: tuple[str, int] | None = None


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
class Counts:
    """Rows that a commit has changed. An import has the first two, an undo the others.

    `inserted` are rows that are new, `updated` are keys that were there before and have a new row now; of rows with one key in one
    import the last counts. `removed` are rows that the undone import had brought, `restored` rows that it had taken away, and
    `kept` rows of other imports that stand where a row would have been removed or restored.
    """

    inserted: int = 0
    updated: int = 0
    removed: int = 0
    restored: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """A commit that stands in the table's history. `summary` is what the job stored with it (numbers and names as text).

    `epoch` is the one whose parts were taken; `rows` are those of the dataset right after it, `dataset` is as it stands now.
    """

    snapshot_id: str
    committed_at: datetime
    epoch: int
    rows: int
    dataset: Dataset
    counts: Counts
    summary: dict[str, str]

    def noted(self, job_id: str, mode: str) -> Dataset:
        """`dataset`, with what the job has done to it."""
        counts = {name: count for name, count in asdict(self.counts).items() if name != "kept"}
        done = Snapshot(snapshot_id=self.snapshot_id, committed_at=self.committed_at, job_id=job_id, mode=mode, rows=self.rows, **counts)
        return replace(self.dataset, snapshots=(done,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a commit would do: its counts, the columns the dataset would have, the bytes of the parts."""

    counts: Counts
    schema: pa.Schema
    bytes: int


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
    UPSERT = "upsert"  # those with a key of the import are gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an import does to a dataset: `parts` are the locations of closed parts, `schema` is that of all of them together.

    `key` are the columns whose cells, taken together, tell rows apart in an upsert: the parts have no null in them. Numbers, text
    and times are equal when they are the same value; NaN equals NaN, and 0.0 equals -0.0. `evolve` allows columns that the dataset
    does not have (its own rows have nulls there) and wider decimals of the same scale; no cell that is there changes.
    `scratch` is a local folder for what does not fit into memory. `summary` is kept with the commit, as text. `beside` is a job whose
    import must stand for these rows to be added.
    """

    job_id: str
    epoch: int
    schema: pa.Schema
    parts: Sequence[str]
    mode: Mode = Mode.APPEND
    key: Sequence[str] = ()
    evolve: bool = False
    scratch: Path | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    beside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """A job that takes back what the import `undone_job_id` has done. `scratch` and `summary` are as in `Change`."""

    job_id: str
    epoch: int
    undone_job_id: str
    scratch: Path | None = None
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
        commit is returned and these parts are not used. Conflicts with other jobs are retried inside. An upsert looks its keys up
        in the very dataset that it commits to, so however many run at once, no two rows of one key come of them; rows of one key
        that were there before all go. Readers see its rows after those that were there.

        Raises Terminal unknown_column when the key names a column that neither the parts nor the dataset have, Terminal import_gone
        when the import `beside` does not stand, and Transient store_busy when the columns of the dataset have become others than those
        the parts were written for.
        """

    def forecast(self, name: str, change: Change) -> Forecast:
        """What `commit` would do now; nothing changes, and the parts stay. Raises what `commit` raises."""

    def undo(self, name: str, undo: Undo) -> Committed:
        """Take an import back in one commit, which carries the undo's own job id and takes effect once, like an import's.

        The import's rows go, and rows that its upsert or replace has taken away come back to where they were. What a newer import
        has written stays: a row that a newer upsert has replaced is neither removed nor are those restored that it had replaced, and
        of what a replace has taken away nothing is restored that has the key of a row of a newer upsert; `counts.kept` counts
        them. Imports that were undone themselves are not newer, nor do appends touch a key. No row of theirs comes back: in its place
        comes what it had replaced itself, and so on; and what was not restored because of a newer upsert is, when that is undone.
        Columns that an import has added stay, and a dataset it has made stays, empty.

        Raises Terminal nothing_to_undo when the import is not in the history, was undone before, a newer replace has taken its rows
        away, or there is nothing of it left; Terminal undo_conflict when a replace with other columns is to be undone and a newer import
        has brought rows in its columns; Terminal dataset_not_found.
        """

    def find_commit(self, name: str, job_id: str) -> Committed | None: ...

    def stands(self, name: str, job_id: str) -> bool:
        """True when an import is in the history, was not undone, and no newer replace that stands has taken its rows away."""

    def holds(self, name: str, snapshot_id: str) -> bool:
        """True when the snapshot is one of the dataset's. When a dataset was dropped, no later one of its name has any that it had."""

    def drop(self, name: str, snapshot_id: str) -> str | None:
        """Remove the dataset and its files if it has this snapshot, whatever was committed since; its newest one, None when it has not.

        What an earlier drop that was cut short has left of a dataset that is gone may be removed as well.
        """

    def discard(self, name: str, job_id: str, epoch: int) -> None:
        """Delete the closed parts of an attempt that has not committed: it begins anew."""

    def sweep(self, name: str, job_id: str, keep_epoch: int | None) -> None:
        """Delete the files of a job's epochs other than `keep_epoch` and the one that was committed."""
