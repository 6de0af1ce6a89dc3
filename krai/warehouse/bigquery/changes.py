"""The ways a dataset changes, each as one transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from krai.errors import Transient
from krai.warehouse.bigquery import columns, history, names, parts, tables
from krai.warehouse.bigquery.columns import ROW, SINCE
from krai.warehouse.bigquery.failures import FAILURES, is_conflict, meaning
from krai.warehouse.bigquery.history import After, State
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.parts import Written
from krai.warehouse.port import Change, Mode


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change of a dataset as it stands in `state`; `tried` numbers the attempts of the same job and epoch."""

    jobs: Jobs
    dataset: str
    change: Change
    state: State
    tried: int

    def commit(self) -> None:
        """Try; the history tells whether it came about."""
        before = self.state.newest
        if before is not None and self.change.mode is Mode.APPEND:
            _check_append(before.schema, self.change.schema)
            self._add(After(before.snapshot_id, before.table, before.columns, before.end_row, before.rows, before.bytes))
            return
        made = After(self.state.latest, *tables.create(self.jobs, self.dataset, self.change.job_id, self.change.epoch, self.change.schema))
        self._add(made)
        self._remove_unless_taken(made.table)

    def _add(self, start: After) -> None:
        written = [parts.closed(self.jobs, location) for location in self.change.parts]
        pieces = [piece for part in written for piece in part.pieces]
        rows = sum(part.rows for part in written)
        after = replace(
            start,
            snapshot_id=self.state.latest + 1,
            end_row=start.end_row + rows,
            rows=start.rows + rows,
            bytes=start.bytes + sum(size_bytes for _, size_bytes in pieces),
        )
        recorded = history.record(self.jobs, self.dataset, self.change, after, pieces)
        self._transact([*_insertions(self.jobs, start, written, after.snapshot_id), recorded])

    def _transact(self, statements: Sequence[str]) -> None:
        """Run the statements if nobody has committed meanwhile, all or none.

        The update of the one row that says so is what makes transactions collide: BigQuery lets insertions be.
        """
        commits, latest = self.jobs.named(names.commits(self.dataset)), self.state.latest
        still = f"EXISTS (SELECT 1 FROM {commits} WHERE newest AND snapshot = {latest})"
        first = f"IF {still} THEN UPDATE {commits} SET newest = FALSE WHERE newest"
        script = ["BEGIN TRANSACTION", first, *statements, "END IF", "COMMIT TRANSACTION"]
        job_id = names.job(self.change.job_id, self.change.epoch, f"s{latest}-t{self.tried}")
        try:
            self.jobs.run(";\n".join(script), job_id, label=self.change.job_id)
        except FAILURES as error:
            if not is_conflict(error):
                raise meaning(error) from None

    def _remove_unless_taken(self, table: str) -> None:
        state = history.state(self.jobs, self.dataset, self.change.job_id)
        if state is None or state.found is None or state.found.table != table:
            self.jobs.remove(table)


def _insertions(jobs: Jobs, before: After, written: Sequence[Written], snapshot_id: int) -> Iterator[str]:
    """The statements that put parts into a table, in their order."""
    end_row = before.end_row
    schema, stored = columns.from_doc(before.columns)
    target = ", ".join([*(f"`{stored[name]}`" for name in schema.names), ROW, SINCE])
    for part in written:
        if part.rows:
            staged = [parts.staged(name) for name in schema.names]
            source = ", ".join([*(name if name in part.columns else "NULL" for name in staged), f"{ROW} + {end_row}", str(snapshot_id)])
            yield f"INSERT INTO {jobs.named(before.table)} ({target}) SELECT {source} FROM {jobs.named(part.location)}"
            end_row += part.rows


def _check_append(held: pa.Schema, added: pa.Schema) -> None:
    if any(field.name not in held.names or held.field(field.name).type != field.type for field in added):
        raise Transient("store_busy", "The columns of the dataset changed while the file was read.")
