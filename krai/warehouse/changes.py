"""The ways an Iceberg table changes, each as one transaction with one snapshot, and what a snapshot tells of its job."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.io.pyarrow import parquet_file_to_data_file
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table, TableProperties, Transaction
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.typedef import Identifier

from krai.errors import Transient
from krai.warehouse.columns import arrow_schema, iceberg_schema, iceberg_type
from krai.warehouse.pieces import files_in_order

_JOB = "krai.job-id"
_EPOCH = "krai.epoch"
_SUMMARY = "krai.summary."
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


def create(
    catalog: Catalog, identifier: Identifier, location: str, *, schema: pa.Schema, parts: Sequence[str], properties: dict[str, str]
) -> None:
    """A new table together with its first snapshot. Raises CommitFailedException or TableAlreadyExistsError when there is one."""
    change = catalog.create_table_transaction(
        identifier, iceberg_schema(schema), location=location, properties=_TABLE_PROPERTIES | _name_mapping(iceberg_schema(schema))
    )
    _add(change, parts, properties)
    change.commit_transaction()


def append(table: Table, schema: pa.Schema, parts: Sequence[str], properties: dict[str, str]) -> None:
    held = arrow_schema(table.schema())
    if any(field.name not in held.names or held.field(field.name).type != field.type for field in schema):
        raise Transient("store_busy", "The columns of the dataset changed while the file was read.")
    change = _begin(table)
    _add(change, parts, properties)
    change.commit_transaction()


def replace(table: Table, schema: pa.Schema, parts: Sequence[str], properties: dict[str, str]) -> None:
    """Other rows and, when they differ, other columns: readers see both change at once."""
    change = _begin(table)
    if arrow_schema(table.schema()) != schema:
        _replace_columns(change, schema)
    snapshot = table.current_snapshot()
    old = [] if snapshot is None else files_in_order(snapshot, table.io)
    with change.update_snapshot(snapshot_properties=properties).overwrite() as overwrite:
        for file in old:
            overwrite.delete_data_file(file)
        for file in _data_files(change, parts):
            overwrite.append_data_file(file)
    change.commit_transaction()


def summary_properties(job_id: str, epoch: int, summary: Mapping[str, Any]) -> dict[str, str]:
    return {_JOB: job_id, _EPOCH: str(epoch), **{_SUMMARY + key: str(value) for key, value in summary.items()}}


def job_of(snapshot: Snapshot) -> str | None:
    return properties_of(snapshot).get(_JOB)


def epoch_of(snapshot: Snapshot) -> int:
    return int(properties_of(snapshot)[_EPOCH])


def summary_of(snapshot: Snapshot) -> dict[str, str]:
    return {key.removeprefix(_SUMMARY): value for key, value in properties_of(snapshot).items() if key.startswith(_SUMMARY)}


def properties_of(snapshot: Snapshot) -> dict[str, str]:
    return {} if snapshot.summary is None else snapshot.summary.additional_properties


def _begin(table: Table) -> Transaction:
    """A transaction on the table as it stands, without its past.

    pyiceberg copies all it knows of a table a dozen times while it prepares a commit; with the snapshots of thousands of imports that
    would take seconds. The commit itself is made from the whole metadata, which the catalog reads anew.
    """
    newest = table.current_snapshot()
    table.metadata = table.metadata.model_copy(update={"snapshots": [] if newest is None else [newest], "snapshot_log": []})
    return table.transaction()


def _add(change: Transaction, parts: Sequence[str], properties: dict[str, str]) -> None:
    with change.update_snapshot(snapshot_properties=properties).merge_append() as append_files:
        for file in _data_files(change, parts):
            append_files.append_data_file(file)


def _data_files(change: Transaction, parts: Sequence[str]) -> Iterable[DataFile]:
    for part in parts:
        yield parquet_file_to_data_file(change._table.io, change.table_metadata, part)  # noqa: SLF001 (a transaction has no public table)


def _replace_columns(change: Transaction, schema: pa.Schema) -> None:
    """Every column anew, under a new number, so that a type may change into any other."""
    with change.update_schema(allow_incompatible_changes=True) as update:
        for field in change.table_metadata.schema().fields:
            update.delete_column((field.name,))
        for column in schema:
            update.add_column((column.name,), iceberg_type(column.type))
    change.set_properties(_name_mapping(change.table_metadata.schema()))


def _name_mapping(schema: Schema) -> dict[str, str]:
    """Parts carry names, no column numbers: this table property tells other readers which is which."""
    return {TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json()}
