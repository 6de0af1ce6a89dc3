"""Datasets as Apache Iceberg tables.

    {root}/{dataset}/data/{job_id}/e{epoch}/part-00000.parquet   what jobs wrote, committed or not
    {root}/{dataset}/table-{hex}/metadata/…                      one life of the table, from creation to drop

Parts stand outside the table's own folder, so that an import that is under way while its dataset is dropped keeps them. A commit is
a compare-and-set of the catalog's pointer; the job id stands in the snapshot's summary, and is looked for in the very metadata the
commit starts from. Snapshots are kept for as long as the dataset lives, so a job is found however late it comes again.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from pyarrow import fs
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError, ValidationException
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.snapshots import Snapshot

from krai.dataset import Dataset
from krai.errors import Terminal, Transient
from krai.formats.types import columns_of
from krai.job import parse_time
from krai.warehouse import changes, history
from krai.warehouse.catalog import DatasetCatalog, open_catalog, translated
from krai.warehouse.columns import arrow_schema
from krai.warehouse.files import LocalFiles
from krai.warehouse.parquet_part import ParquetPart
from krai.warehouse.pieces import Kept, pieces_of
from krai.warehouse.plan import Plan, plan_of
from krai.warehouse.port import EVERYTHING, Change, Committed, Forecast, Mode, Part, Query, Scan, Undo
from krai.warehouse.recent import Recent
from krai.warehouse.selecting import project
from krai.warehouse.sieve import Sieve
from krai.warehouse.undoing import undo_of
from krai.warehouse.upsert import Upsert, key_schema

_NAMESPACE = "krai"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMMIT_WITHIN_S = 300  # who changes many rows is overtaken again and again by those who change few
_LOAD_ATTEMPTS = 5
_KEPT = 16  # plans of snapshots
_PART_BUFFER_BYTES = 8 << 20  # what goes to a bucket at once; Arrow itself asks anew for every 256 KiB


def open_local(folder: Path) -> "IcebergWarehouse":
    """The warehouse of the embedded mode: tables and catalog in one folder, for any number of processes."""
    folder = folder.absolute()
    return IcebergWarehouse(str(folder), open_catalog(folder / "catalog.sqlite"), LocalFiles())


class IcebergWarehouse:
    """Implements `Warehouse` on any Iceberg catalog; `files` holds `root`, a folder or gs://bucket/prefix, and makes missing folders."""

    def __init__(self, root: str, catalog: DatasetCatalog, files: fs.FileSystem) -> None:
        self._root = root
        self._catalog = catalog
        self._files = files
        self._plans: Recent[Plan] = Recent(_KEPT)
        self._kept = Kept()
        self._make_namespace()

    def _make_namespace(self) -> None:
        try:
            with translated():
                self._catalog.create_namespace_if_not_exists(_NAMESPACE)
        except Transient:
            # Two processes that look, find none and make one: the one that came second has it all the same.
            with translated():
                if not self._catalog.namespace_exists(_NAMESPACE):
                    raise

    def describe(self, name: str) -> Dataset | None:
        table = self._load(name)
        return None if table is None else _describe(name, table, _newest(table))

    def schema(self, name: str) -> pa.Schema | None:
        table = self._load(name)
        return None if table is None else arrow_schema(table.schema())

    def scan(self, name: str, query: Query = EVERYTHING) -> Scan:
        table = self._load(name)
        if table is None:
            raise Terminal("dataset_not_found")
        snapshot = _as_of(table, query.as_of)
        held = _schema_of(table, snapshot)
        schema = project(arrow_schema(held), query.columns)
        sieve = None if query.filter is None else Sieve(query.filter, held)
        with translated():
            plan = self._plans.get(snapshot.manifest_list, lambda: plan_of(snapshot, table.io))
            pieces = pieces_of(plan, table.io, schema, self._kept, limit=query.limit, sieve=sieve)
        return Scan(
            schema=schema,
            rows=plan.rows,
            snapshot_id=str(snapshot.snapshot_id),
            snapshot_time=_moment(snapshot).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            parts=pieces,
            limit=query.limit,
            dropped=None if sieve is None else sieve.dropped,
        )

    def open_part(self, name: str, job_id: str, epoch: int, number: int) -> Part:
        location = f"{self._job_folder(name, job_id)}/e{epoch}/part-{number:05}.parquet"
        with translated():
            return ParquetPart(location, self._files.open_output_stream(_path(location), buffer_size=_PART_BUFFER_BYTES))

    def commit(self, name: str, change: Change) -> Committed:
        with self._upsert(change) as upsert:

            def attempt(table: Table | None) -> None:
                changes.check_beside(table, change)
                with self._begun(name, table, change) as transaction:
                    changes.stage(transaction, change, upsert).commit(self._folder(name, change))

            return self._insist(name, change, attempt)

    def forecast(self, name: str, change: Change) -> Forecast:
        table = self._load(name)
        changes.check_beside(table, change)
        with self._upsert(change) as upsert, translated(), self._begun(name, table, change) as transaction:
            staged = changes.stage(transaction, change, upsert)
        return Forecast(counts=staged.counts, schema=staged.schema, bytes=sum(file.file_size_in_bytes for file in staged.files))

    def undo(self, name: str, undo: Undo) -> Committed:
        def attempt(table: Table | None) -> None:
            if table is None:
                raise Terminal("dataset_not_found")
            undoing = undo_of(table, undo.undone_job_id, undo.scratch, self._kept)
            changes.take_back(table, undo, undoing, self._folder(name, undo))

        return self._insist(name, undo, attempt)

    def find_commit(self, name: str, job_id: str) -> Committed | None:
        table = self._load(name)
        return None if table is None else _find(name, table, job_id)

    def stands(self, name: str, job_id: str) -> bool:
        return history.stands(self._load(name), job_id)

    def holds(self, name: str, snapshot_id: str) -> bool:
        table = self._load(name)
        return table is not None and table.snapshot_by_id(int(snapshot_id)) is not None

    def drop(self, name: str, snapshot_id: str) -> str | None:
        while (table := self._load(name)) is not None and table.snapshot_by_id(int(snapshot_id)) is not None:
            with translated():
                if self._catalog.drop_seen(table):
                    jobs = {job_id for snapshot in table.snapshots() if (job_id := history.job_of(snapshot))}
                    for folder in (table.location(), *(self._job_folder(name, job_id) for job_id in sorted(jobs))):
                        self._remove(folder)
                    return str(_newest(table).snapshot_id)
        return None

    def discard(self, name: str, job_id: str, epoch: int) -> None:
        with translated():
            self._remove(f"{self._job_folder(name, job_id)}/e{epoch}")

    def sweep(self, name: str, job_id: str, keep_epoch: int | None) -> None:
        committed = self.find_commit(name, job_id)
        kept = {f"e{keep_epoch}"} if committed is None else {f"e{keep_epoch}", f"e{committed.epoch}"}
        folder = self._job_folder(name, job_id)
        with translated():
            for epoch in sorted(self._folders_in(folder) - kept):
                self._remove(f"{folder}/{epoch}")

    def _load(self, name: str) -> Table | None:
        for attempt in range(_LOAD_ATTEMPTS):
            try:
                with translated():
                    return self._catalog.load_table((_NAMESPACE, name))
            except NoSuchTableError:
                return None
            except Transient as error:
                # Between our look at the pointer and our reading of the metadata, commits of others retired that file.
                if not isinstance(error.__cause__, FileNotFoundError) or attempt == _LOAD_ATTEMPTS - 1:
                    raise
        raise AssertionError

    def _insist(self, name: str, job: Change | Undo, attempt: Callable[[Table | None], None]) -> Committed:
        """Attempt it on the table as it is, again when somebody else committed in between, until the job stands in the history."""
        deadline = time.monotonic() + _COMMIT_WITHIN_S
        while time.monotonic() < deadline:
            table = self._load(name)
            found = None if table is None else _find(name, table, job.job_id)
            if found is not None:
                return found
            try:
                with translated():
                    attempt(table)
            except (CommitFailedException, TableAlreadyExistsError, NoSuchTableError, ValidationException):
                # Somebody else committed first: look again whether it was this very job, then build upon what stands there.
                time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 (no secret)
        raise Transient("store_busy", "Other jobs kept changing the dataset.")

    @contextmanager
    def _begun(self, name: str, table: Table | None, change: Change) -> Iterator[Transaction]:
        """A transaction on the table, or on a new one, of which nothing is left when it turns out that there is one."""
        if table is not None:
            yield changes.begin(table)
            return
        location = f"{self._root}/{name}/table-{uuid.uuid4().hex[:8]}"
        try:
            yield changes.begin_table(self._catalog, (_NAMESPACE, name), location, change.schema)
        except (CommitFailedException, TableAlreadyExistsError):
            self._remove(location)
            raise

    @contextmanager
    def _upsert(self, change: Change) -> Iterator[Upsert | None]:
        if change.mode is not Mode.UPSERT:
            yield None
            return
        with closing(Upsert(key_schema(change.schema, change.key), change.scratch, self._kept)) as upsert:
            yield upsert

    def _folder(self, name: str, job: Change | Undo) -> str:
        return f"{self._job_folder(name, job.job_id)}/e{job.epoch}"

    def _job_folder(self, name: str, job_id: str) -> str:
        return f"{self._root}/{name}/data/{job_id}"

    def _folders_in(self, folder: str) -> set[str]:
        """A bucket has no folders of its own: what stands in one is known from the names of its files."""
        path = _path(folder)
        infos = self._files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
        return {info.path.removeprefix(path + "/").partition("/")[0] for info in infos}

    def _remove(self, folder: str) -> None:
        path = _path(folder)
        self._files.delete_dir_contents(path, missing_dir_ok=True)
        if self._files.get_file_info(path).type is not fs.FileType.NotFound:
            self._files.delete_dir(path)  # in a bucket it went with its last file


def _newest(table: Table) -> Snapshot:
    snapshot = table.current_snapshot()
    if snapshot is None:
        # A table is created together with its first snapshot, so somebody else made this one.
        raise Terminal("dataset_not_found", "The dataset holds nothing krai has committed.")
    return snapshot


def _as_of(table: Table, asked: str | None) -> Snapshot:
    """By its id or by a time, when it is the one that was current then. Raises Terminal snapshot_not_found."""
    if asked is None:
        return _newest(table)
    if asked.isdecimal():
        snapshot = table.snapshot_by_id(int(asked))
    else:
        snapshot = table.snapshot_as_of_timestamp((parse_time(asked) - _EPOCH) // timedelta(milliseconds=1))
    if snapshot is None:
        raise Terminal("snapshot_not_found")
    return snapshot


def _schema_of(table: Table, snapshot: Snapshot) -> Schema:
    return table.schema() if snapshot.schema_id is None else table.schemas()[snapshot.schema_id]


def _find(name: str, table: Table, job_id: str) -> Committed | None:
    snapshot = history.find(table, job_id)
    if snapshot is None:
        return None
    return Committed(
        snapshot_id=str(snapshot.snapshot_id),
        committed_at=_moment(snapshot),
        epoch=history.epoch_of(snapshot),
        rows=history.rows_of(snapshot),
        dataset=_describe(name, table, _newest(table)),
        counts=history.counts_of(snapshot),
        summary=history.summary_of(snapshot),
    )


def _describe(name: str, table: Table, snapshot: Snapshot) -> Dataset:
    return Dataset(
        name=name,
        columns=columns_of(arrow_schema(table.schema())),
        rows=history.rows_of(snapshot),
        bytes=int(history.properties_of(snapshot).get("total-files-size", "0")),
        snapshot_id=str(snapshot.snapshot_id),
        updated_at=_moment(snapshot),
    )


def _moment(snapshot: Snapshot) -> datetime:
    return datetime.fromtimestamp(snapshot.timestamp_ms / 1000, UTC)


def _path(location: str) -> str:
    """A location as its file system names it."""
    return location.removeprefix("gs://")
