"""The rows of an upsert, of which the last of a key counts, and those of its keys in the table it is to go to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from krai.warehouse.bigquery import columns, keys, names, parts
from krai.warehouse.bigquery.columns import ROW, UNTIL
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.history import Snapshot
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.parts import Written
from krai.warehouse.bigquery.tables import there_at
from krai.warehouse.port import Change, Counts


def merge(jobs: Jobs, dataset: str, change: Change, written: Sequence[Written]) -> Written:
    """One part, with the last row of each key at the place that it has in all parts together."""
    table = names.new_merged(dataset, change.job_id, change.epoch)
    staged = {name: parts.staged(name) for name in change.schema.names}
    rows = " UNION ALL ".join(_placed(jobs, change, written))
    last = f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {keys.numbered(change.key)} ORDER BY {ROW} DESC) = 1"
    keyed = f"SELECT *, {keys.cells(change.schema, change.key, staged)} FROM ({rows})"
    query = f"SELECT {', '.join([*staged.values(), ROW])} FROM ({keyed}) WHERE TRUE {last}"
    with translated():
        jobs.run(f"CREATE TABLE {jobs.named(table)} OPTIONS ({parts.KEPT}) AS {query}", f"krai-{table}", label=change.job_id)
    return Written(table, frozenset([*staged.values(), ROW]), [piece for part in written for piece in part.pieces])


def _placed(jobs: Jobs, change: Change, written: Sequence[Written]) -> Iterator[str]:
    first_row = 0
    for part in written:
        named = ((parts.staged(field.name), columns.column_type(field.type)) for field in change.schema)
        there = [name if name in part.columns else f"CAST(NULL AS {kind}) AS {name}" for name, kind in named]
        yield f"SELECT {', '.join([*there, f'{ROW} + {first_row} AS {ROW}'])} FROM {jobs.named(part.location)}"
        first_row += part.rows


@dataclass(frozen=True, slots=True)
class Lookup:
    """The keys of merged rows, in the table of a snapshot; None: there is no such table, or it has not their columns."""

    jobs: Jobs
    change: Change
    merged: Written
    held: Snapshot | None

    def count(self) -> tuple[Counts, int]:
        """What the upsert does, and how many rows it takes away."""
        if self.held is None:
            query = f"SELECT COUNT(*) AS fresh, 0 AS updated, 0 AS gone FROM {self.jobs.named(self.merged.location)}"
        else:
            there = self._held(self.held, there_at(self.held.snapshot_id))
            same = keys.same(self.change.key, "fresh", "held")
            joined = f"{self._fresh} AS fresh LEFT JOIN {there} AS held ON {same}"
            found = f"SELECT fresh.{ROW} AS place, COUNT(held.{ROW}) AS found FROM {joined} GROUP BY fresh.{ROW}"
            query = f"SELECT COUNT(*) AS fresh, COUNTIF(found > 0) AS updated, COALESCE(SUM(found), 0) AS gone FROM ({found})"
        with translated():
            (row,) = self.jobs.ask(query, label=self.change.job_id)
        return Counts(inserted=int(row["fresh"] - row["updated"]), updated=int(row["updated"])), int(row["gone"])

    def close(self, snapshot_id: int) -> str:
        """The statement that ends the rows with these keys."""
        if self.held is None:
            raise AssertionError
        same = keys.same(self.change.key, "fresh", "held")
        found = f"SELECT held.{ROW} FROM {self._held(self.held, f'{UNTIL} IS NULL')} AS held JOIN {self._fresh} AS fresh ON {same}"
        return f"UPDATE {self.jobs.named(self.held.table)} SET {UNTIL} = {snapshot_id} WHERE {UNTIL} IS NULL AND {ROW} IN ({found})"

    @property
    def _fresh(self) -> str:
        staged = {name: parts.staged(name) for name in self.change.key}
        return f"(SELECT {ROW}, {keys.cells(self.change.schema, self.change.key, staged)} FROM {self.jobs.named(self.merged.location)})"

    def _held(self, held: Snapshot, condition: str) -> str:
        cells = keys.cells(held.schema, self.change.key, held.stored)
        return f"(SELECT {ROW}, {cells} FROM {self.jobs.named(held.table)} WHERE {condition})"
