"""An import as a change of its dataset."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import pyarrow as pa

from krai.errors import Terminal, Transient
from krai.warehouse.bigquery import columns, history, keys, parts, tables, upserts
from krai.warehouse.bigquery.columns import ROW, SINCE
from krai.warehouse.bigquery.history import After, Snapshot, Span
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.parts import Written
from krai.warehouse.bigquery.standing import stands
from krai.warehouse.bigquery.transactions import Attempt
from krai.warehouse.bigquery.upserts import Lookup
from krai.warehouse.port import Change, Counts, Mode


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import would do to a snapshot: the rows of `parts` come, `gone` rows go, of keys that `lookup` finds.

    `held` is the snapshot whose table it goes to, None: a new one; `schema` are the columns afterwards.
    """

    held: Snapshot | None
    schema: pa.Schema
    parts: Sequence[Written]
    counts: Counts
    gone: int = 0
    lookup: Lookup | None = None

    @property
    def bytes(self) -> int:
        return sum(size_bytes for part in self.parts for _, size_bytes in part.pieces)


class Import:
    """Keeps what is made of its parts for as long as its commit is tried: use it in a `with`."""

    def __init__(self, jobs: Jobs, dataset: str, change: Change) -> None:
        self._jobs = jobs
        self._dataset = dataset
        self._change = change
        self._merged: Written | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._merged is not None:
            with suppress(Transient):  # BigQuery removes it one day
                self._jobs.remove(self._merged.location)

    def plan(self, before: Snapshot | None) -> Plan:
        """Upon the newest snapshot, if there is one."""
        change = self._change
        if change.beside is not None and not stands(self._jobs, self._dataset, change.beside):
            raise Terminal("import_gone")
        if change.mode is Mode.UPSERT:
            keys.check(change.schema, change.key)
        written = [parts.closed(self._jobs, location) for location in change.parts]
        held = None if change.mode is Mode.REPLACE else before
        schema = change.schema if held is None else columns.grown(held.schema, change.schema, evolve=change.evolve)
        filled = [part for part in written if part.rows]
        if change.mode is not Mode.UPSERT or not filled:
            return Plan(held, schema, filled, Counts(inserted=sum(part.rows for part in filled)))
        if self._merged is None:
            self._merged = upserts.merge(self._jobs, self._dataset, change, filled)
        keyed = held is not None and set(change.key) <= set(held.schema.names)
        lookup = Lookup(self._jobs, change, self._merged, held if keyed else None)
        counts, gone = lookup.count()
        return Plan(held, schema, [self._merged], counts, gone, lookup)

    def attempt(self, attempt: Attempt) -> None:
        before = attempt.state.newest
        plan = self.plan(before)
        first_row = 0 if before is None else before.end_row
        spans = list(_spans(plan.parts, first_row))
        if plan.held is None:
            table, doc = tables.create(self._jobs, self._dataset, self._change.job_id, self._change.epoch, plan.schema)
        else:
            table = plan.held.table
            doc = tables.fit(self._jobs, self._change.job_id, self._change.epoch, plan.held, plan.schema)
        rows, size_bytes = (0, 0) if plan.held is None else (plan.held.rows, plan.held.bytes)
        after = After(
            table=table,
            columns=doc,
            first_row=first_row,
            end_row=first_row + sum(rows for _, rows, _ in spans),
            rows=rows - plan.gone + plan.counts.inserted + plan.counts.updated,
            bytes=size_bytes + plan.bytes,
            counts=plan.counts,
            written=spans,
        )
        closing = [plan.lookup.close(attempt.snapshot_id)] if plan.lookup is not None and plan.gone else []
        attempt.commit([*closing, *_insertions(self._jobs, after, plan.parts, attempt.snapshot_id)], after)
        if plan.held is None:
            self._remove_unless_taken(table)

    def _remove_unless_taken(self, table: str) -> None:
        state = history.state(self._jobs, self._dataset, self._change.job_id)
        if state is None or state.found is None or state.found.table != table:
            self._jobs.remove(table)


def _spans(written: Sequence[Written], first_row: int) -> Iterator[Span]:
    for part in written:
        for rows, size_bytes in part.pieces:
            yield first_row, rows, size_bytes
            first_row += rows


def _insertions(jobs: Jobs, after: After, written: Sequence[Written], snapshot_id: int) -> Iterator[str]:
    """The statements that put parts into a table, in their order."""
    first_row = after.first_row
    schema, stored = columns.from_doc(after.columns)
    target = ", ".join([*(f"`{stored[name]}`" for name in schema.names), ROW, SINCE])
    for part in written:
        staged = [parts.staged(name) for name in schema.names]
        source = ", ".join([*(name if name in part.columns else "NULL" for name in staged), f"{ROW} + {first_row}", str(snapshot_id)])
        yield f"INSERT INTO {jobs.named(after.table)} ({target}) SELECT {source} FROM {jobs.named(part.location)}"
        first_row += part.rows
