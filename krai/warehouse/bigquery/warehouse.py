"""Datasets in a dataset of BigQuery's, which must be there.

    {dataset}          a view of the rows of now, for other programs
    KRAI_rows_…        the rows of a dataset, of all its snapshots, until it is replaced: then it has a new table
    KRAI_part_…        what an import under way has written
    KRAI_commits_…     what is known of a dataset and its commits (`history`)

A row is there from one snapshot on and up to another; it is never changed and goes only with its dataset. A commit is one transaction
that updates the newest row of the history on the condition that it is the one the commit was made upon: BigQuery rolls back all but
one of those that run at once. Whoever is rolled back looks for its job in the history and tries again.
"""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC
from itertools import count
from pathlib import Path

import pyarrow as pa

from krai.dataset import Dataset
from krai.errors import Terminal, Transient
from krai.formats.types import columns_of
from krai.predicate.parse import parse
from krai.warehouse.bigquery import history, names, standing, tables, undoing
from krai.warehouse.bigquery.bucket import Bucket
from krai.warehouse.bigquery.changes import Import
from krai.warehouse.bigquery.extracts import Reader
from krai.warehouse.bigquery.filters import Filter
from krai.warehouse.bigquery.history import Snapshot, State
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.parts import TablePart
from krai.warehouse.bigquery.pieces import Rows
from krai.warehouse.bigquery.transactions import Attempt
from krai.warehouse.bigquery.waiting import InBucket, OnDisk, Waiting
from krai.warehouse.port import EVERYTHING, Change, Committed, Forecast, Part, Query, Scan, Undo
from krai.warehouse.selecting import project

_COMMIT_WITHIN_S = 300
_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5


class BigQueryWarehouse:
    """Implements `Warehouse`. `url` and `emulator` as `Jobs` has them.

    Rows go in and out by way of the bucket; without one parts wait in `spool`, which is made, and rows come as answers to queries.
    """

    def __init__(self, url: str, spool: Path, *, emulator: str | None = None, bucket: Bucket | None = None) -> None:
        self._jobs = Jobs(url, emulator=emulator)
        self._spool = spool
        self._bucket = bucket
        # What an attempt does again is another job of BigQuery's; what another process does again for the same attempt is not.
        self._turns: defaultdict[tuple[str, int, str], Iterator[int]] = defaultdict(count)

    def describe(self, name: str) -> Dataset | None:
        snapshot = self._newest(name)
        return None if snapshot is None else snapshot.describe(name)

    def schema(self, name: str) -> pa.Schema | None:
        snapshot = self._newest(name)
        return None if snapshot is None else snapshot.schema

    def scan(self, name: str, query: Query = EVERYTHING) -> Scan:
        snapshot = self._asked(name, query.as_of)
        schema = project(snapshot.schema, query.columns)
        sieve = None
        if query.filter is not None:
            sieve = Filter(parse(query.filter, columns_of(snapshot.schema)), snapshot.schema, snapshot.stored)
        rows = Rows(self._jobs, snapshot, sieve, label=query.attempt[0] if query.attempt else "")
        refused, end_row = rows.refused(), rows.end_row(query.limit)
        asked, reader = (schema, history.written(self._jobs, name, snapshot), end_row), self._reader(query)
        moment = snapshot.committed_at.astimezone(UTC)
        return Scan(
            schema=schema,
            rows=snapshot.rows,
            snapshot_id=str(snapshot.snapshot_id),
            snapshot_time=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            parts=list(rows.pieces(*asked)) if reader is None else rows.extracted(*asked, reader),
            limit=query.limit,
            dropped=None if sieve is None else lambda: refused,
        )

    def open_part(self, name: str, job_id: str, epoch: int, number: int) -> Part:
        location = names.part(name, job_id, epoch, number, next(self._turns[job_id, epoch, f"{name} {number}"]))
        return TablePart(self._jobs, self._waiting(location, job_id, epoch), location, job_id)

    def commit(self, name: str, change: Change) -> Committed:
        with Import(self._jobs, name, change) as began:
            return self._insist(name, change, began.attempt)

    def forecast(self, name: str, change: Change) -> Forecast:
        with Import(self._jobs, name, change) as began:
            plan = began.plan(self._newest(name))
        return Forecast(counts=plan.counts, schema=plan.schema, bytes=plan.bytes)

    def undo(self, name: str, undo: Undo) -> Committed:
        return self._insist(name, undo, undoing.undo)

    def find_commit(self, name: str, job_id: str) -> Committed | None:
        state = history.state(self._jobs, name, job_id)
        found = None if state is None else state.committed(name)
        if state is not None and found is not None:
            self._finish(name, state, job_id, parts=())  # whoever committed it may have died before it came to that
        return found

    def stands(self, name: str, job_id: str) -> bool:
        return standing.stands(self._jobs, name, job_id)

    def holds(self, name: str, snapshot_id: str) -> bool:
        return history.holds(self._jobs, name, snapshot_id)

    def drop(self, name: str, snapshot_id: str) -> str | None:
        """The history goes first, and the dataset with it; the tables that are there at this moment are of no use to anybody then."""
        made = [table for table in self._made() if table.kind == "rows" and table.dataset == name]
        state = history.state(self._jobs, name)
        if state is not None:
            if not self.holds(name, snapshot_id):
                return None
            history.forget(self._jobs, name, snapshot_id)
        tables.hide(self._jobs, name)
        for table in made:
            self._jobs.remove(table.name)
        return None if state is None or state.newest is None else str(state.newest.snapshot_id)

    def discard(self, name: str, job_id: str, epoch: int) -> None:
        for table in self._made():
            if table.is_of(name, job_id) and table.epoch == epoch:
                self._jobs.remove(table.name)

    def sweep(self, name: str, job_id: str, keep_epoch: int | None) -> None:
        made = [table for table in self._made() if table.is_of(name, job_id) and table.epoch != keep_epoch]
        if made:
            kept = history.tables(self._jobs, name)
            for table in made:
                if table.name not in kept:
                    self._jobs.remove(table.name)

    def _insist(self, name: str, job: Change | Undo, change: Callable[[Attempt], None]) -> Committed:
        """Try until the job stands in the history, each time upon what stands there then."""
        deadline = time.monotonic() + _COMMIT_WITHIN_S
        tried = 0
        while time.monotonic() < deadline:
            state = history.state(self._jobs, name, job.job_id)
            found = None if state is None else state.committed(name)
            if state is not None and found is not None:
                self._finish(name, state, job.job_id, () if isinstance(job, Undo) else job.parts)
                return found
            if state is None and isinstance(job, Undo):
                raise Terminal("dataset_not_found")
            if state is None:
                history.create(self._jobs, name, job.job_id, job.epoch)
                continue
            if tried:
                longest_s = min(_PAUSE_S * 2**tried, _LONGEST_PAUSE_S)
                time.sleep(random.uniform(0, longest_s))  # noqa: S311 (no secret)
            change(Attempt(self._jobs, name, job, state, tried))
            tried += 1
        raise Transient("store_busy", "Other jobs kept changing the dataset.")

    def _waiting(self, location: str, job_id: str, epoch: int) -> Waiting:
        if self._bucket is None:
            return OnDisk(self._spool)
        return InBucket(self._bucket, self._bucket.path(job_id, epoch, f"{location}.parquet"))

    def _reader(self, query: Query) -> Reader | None:
        """None: rows come as answers to queries."""
        if self._bucket is None or query.attempt is None:
            return None
        job_id, epoch = query.attempt
        return Reader(bucket=self._bucket, job_id=job_id, epoch=epoch, turns=self._turns[job_id, epoch, ""])

    def _asked(self, name: str, as_of: str | None) -> Snapshot:
        newest = self._newest(name)
        if newest is None:
            raise Terminal("dataset_not_found")
        snapshot = newest if as_of is None else history.as_of(self._jobs, name, as_of)
        if snapshot is None:
            raise Terminal("snapshot_not_found")
        return snapshot

    def _newest(self, name: str) -> Snapshot | None:
        state = history.state(self._jobs, name)
        return None if state is None else state.newest

    def _finish(self, name: str, state: State, job_id: str, parts: Sequence[str]) -> None:
        """What makes no difference to krai, and may therefore fail: the view, and the parts that were taken."""
        newest, shown = state.newest, None
        with suppress(Transient):
            # Somebody who committed later may have made the view before we do, so we look whether it is still right.
            while newest is not None and newest != shown and tables.show(self._jobs, name, newest, job_id):
                newest, shown = self._newest(name), newest
            for part in parts:
                self._jobs.remove(part)

    def _made(self) -> list[names.Made]:
        return [made for table in self._jobs.tables() if (made := names.Made.of(table)) is not None]
