"""The ways an Iceberg table changes, each as one transaction with one snapshot."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import CommitFailedException, TableAlreadyExistsError
from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table, TableProperties, Transaction
from pyiceberg.typedef import Identifier

from krai.errors import Terminal
from krai.warehouse import history
from krai.warehouse.columns import arrow_schema, fit_columns, iceberg_schema, name_mapping, replace_columns
from krai.warehouse.data_files import data_file
from krai.warehouse.plan import EMPTY, Plan, plan_of
from krai.warehouse.port import Change, Counts, Mode, Undo
from krai.warehouse.positions import Gone, write_positions
from krai.warehouse.row_delta import RowDelta
from krai.warehouse.undoing import TAKEN, Undoing
from krai.warehouse.upsert import Upsert

_MOST_DELETE_FILES = 16  # each reader opens every one
_TABLE_PROPERTIES = {
    TableProperties.FORMAT_VERSION: "2",
    # A conflict is answered in IcebergWarehouse.commit, which looks for the job id again; pyiceberg's own retry would not.
    TableProperties.COMMIT_NUM_RETRIES: "0",
    TableProperties.METADATA_DELETE_AFTER_COMMIT_ENABLED: "true",
    TableProperties.METADATA_PREVIOUS_VERSIONS_MAX: "20",
    # Each reader opens every manifest.
    TableProperties.MANIFEST_MERGE_ENABLED: "true",
    TableProperties.MANIFEST_MIN_MERGE_COUNT: "16",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """An import on top of one state of a table, of which nobody knows yet. `gone` are rows it takes away; `rows` are left in all."""

    transaction: Transaction
    change: Change
    files: Sequence[DataFile]
    plan: Plan
    gone: Gone
    counts: Counts
    rows: int

    @property
    def schema(self) -> pa.Schema:
        return arrow_schema(self.transaction.table_metadata.schema())

    def commit(self, folder: str) -> None:
        """`folder` is where the parts are. Raises CommitFailedException or TableAlreadyExistsError when somebody else was first."""
        change, transaction = self.change, self.transaction
        properties = history.properties_for(change, self.counts, self.rows)
        if change.mode is Mode.APPEND:
            with transaction.update_snapshot(snapshot_properties=properties).merge_append() as append_files:
                for file in self.files:
                    append_files.append_data_file(file)
            transaction.commit_transaction()
            return
        remove = []
        if change.mode is Mode.REPLACE:
            remove = [entry.data_file.file_path for entry in (*self.plan.data, *self.plan.deletes)]
        with _delete_files(_io(transaction), folder, self.plan, self.gone) as (deletes, folded):
            with RowDelta(transaction, properties, add=[*self.files, *deletes], remove=remove or folded):
                pass
            transaction.commit_transaction()


def begin_table(catalog: Catalog, identifier: Identifier, location: str, schema: pa.Schema) -> Transaction:
    """A new table that comes into being together with its first snapshot."""
    columns = iceberg_schema(schema)
    return catalog.create_table_transaction(identifier, columns, location=location, properties=_TABLE_PROPERTIES | name_mapping(columns))


def begin(table: Table) -> Transaction:
    """A transaction on the table as it stands, without its past.

    pyiceberg copies all it knows of a table a dozen times while it prepares a commit; with the snapshots of thousands of imports that
    would take seconds. The commit itself is made from the whole metadata, which the catalog reads anew.
    """
    newest = table.current_snapshot()
    table.metadata = table.metadata.model_copy(update={"snapshots": [] if newest is None else [newest], "snapshot_log": []})
    return table.transaction()


def check_beside(table: Table | None, change: Change) -> None:
    """Before `begin`. Raises Terminal import_gone when the import that it is to stand beside does not stand."""
    if change.beside is not None and not history.stands(table, change.beside):
        raise Terminal("import_gone")


def stage(transaction: Transaction, change: Change, upsert: Upsert | None) -> Staged:
    """`upsert` is given with an upsert alone. Raises Transient store_busy when the columns of the table are not those of the parts."""
    snapshot = transaction.table_metadata.current_snapshot()
    if change.mode is Mode.REPLACE:
        replace_columns(transaction, change.schema)
    else:
        fit_columns(transaction, change.schema, evolve=change.evolve)
    io = _io(transaction)
    files = [data_file(io, transaction.table_metadata, part) for part in change.parts]
    new_rows = sum(file.record_count for file in files)
    plan = EMPTY if snapshot is None or change.mode is Mode.APPEND else plan_of(snapshot, io)
    rows = 0 if snapshot is None or change.mode is Mode.REPLACE else history.rows_of(snapshot)
    gone: Gone = {}
    counts = Counts(inserted=new_rows)
    if upsert is not None:
        found = upsert.look_up(io, transaction.table_metadata.schema(), files, plan)
        gone, counts, rows = found.gone, found.counts, rows - found.rows
    return Staged(transaction=transaction, change=change, files=files, plan=plan, gone=gone, counts=counts, rows=rows + new_rows)


def take_back(table: Table, undo: Undo, undoing: Undoing, folder: str) -> None:
    """Raises CommitFailedException when somebody else was first."""
    newest = table.current_snapshot()
    rows = 0 if newest is None else history.rows_of(newest)
    transaction = begin(table)
    counts = undoing.counts
    properties = history.properties_for(undo, counts, rows - counts.removed + counts.restored)
    undoing.put_columns_back(transaction)
    with _delete_files(_io(transaction), folder, EMPTY, undoing.gone, undoing.taken) as (deletes, _):
        with RowDelta(transaction, properties, add=deletes, restore=undoing.restore, remove=undoing.remove):
            pass
        transaction.commit_transaction()


@contextmanager
def _delete_files(
    io: FileIO, folder: str, plan: Plan, gone: Gone, taken: Mapping[int, Gone] = MappingProxyType({})
) -> Iterator[tuple[list[DataFile], list[str]]]:
    """New delete files, and those they take the place of. They are removed again when the commit did not take place.

    `taken` are rows that go in the name of other snapshots.
    """
    written = []
    folded: list[str] = []
    try:
        if gone:
            written.append(write_positions(io, f"{folder}/deletes-{uuid.uuid4().hex}.parquet", gone))
        if gone and len(plan.deletes) >= _MOST_DELETE_FILES:
            # Apart from the import's own, which tell an undo what the import took away.
            folded = [entry.data_file.file_path for entry in plan.deletes]
            if plan.gone:
                written.append(write_positions(io, f"{folder}/folded-{uuid.uuid4().hex}.parquet", plan.gone))
        for snapshot_id, its in taken.items():
            written.append(write_positions(io, f"{folder}/{TAKEN}{snapshot_id}-{uuid.uuid4().hex}.parquet", its))
        yield written, folded
    except (CommitFailedException, TableAlreadyExistsError):
        for file in written:
            io.delete(file.file_path)
        raise


def _io(transaction: Transaction) -> FileIO:
    return transaction._table.io  # noqa: SLF001 (a transaction has no public table)
