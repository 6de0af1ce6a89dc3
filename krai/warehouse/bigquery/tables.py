"""The tables that hold rows, and the views that show those of now under the name of their dataset."""

import pyarrow as pa

from krai.warehouse.bigquery import columns, names
from krai.warehouse.bigquery.columns import ROW, SINCE, UNTIL
from krai.warehouse.bigquery.failures import translated
from krai.warehouse.bigquery.history import Snapshot
from krai.warehouse.bigquery.jobs import Jobs


def create(jobs: Jobs, dataset: str, job_id: str, epoch: int, schema: pa.Schema) -> tuple[str, list[list[str]]]:
    """A new table for the rows of a dataset: its name, and its columns as `columns.to_doc` has them."""
    columns.check(schema)
    table = names.new_rows(dataset, job_id, epoch)
    stored = dict(zip(schema.names, columns.stored_names(schema.names), strict=True))
    made = ", ".join([*columns.definitions(stored, schema), f"{ROW} INT64", f"{SINCE} INT64", f"{UNTIL} INT64"])
    with translated():
        jobs.run(f"CREATE TABLE {jobs.named(table)} ({made}) CLUSTER BY {ROW}", f"krai-{table}", label=job_id)
    return table, columns.to_doc(schema, stored)


def fit(jobs: Jobs, job_id: str, epoch: int, snapshot: Snapshot, schema: pa.Schema) -> list[list[str]]:
    """Make a snapshot's table have room for rows of `schema`, which has its columns and maybe more: the columns, as `columns.to_doc`.

    No transaction can do that, so it is done before, in such a way that it may be done again and hurts nobody when it was in vain.
    """
    held, stored = snapshot.schema, snapshot.stored
    new = [field for field in schema if field.name not in held.names]
    if schema == held:
        return snapshot.columns
    columns.check(schema)
    stored |= zip([field.name for field in new], columns.added_names(new, stored.values()), strict=True)
    table = jobs.named(snapshot.table)
    added = ", ".join(f"ADD COLUMN IF NOT EXISTS {column}" for column in columns.definitions(stored, pa.schema(new)))
    wider = [field for field in schema if field.name in held.names and field.type != held.field(field.name).type]
    statements = [f"ALTER COLUMN `{stored[field.name]}` SET DATA TYPE {columns.widest_type(field.type)}" for field in wider]
    script = ";\n".join(f"ALTER TABLE {table} {statement}" for statement in [*([added] if new else []), *statements])
    with translated():
        jobs.run(script, names.new_job(job_id, epoch, "columns"), label=job_id)
    return columns.to_doc(schema, stored)


def there_at(snapshot_id: int) -> str:
    """The condition that a row of a table was there at a snapshot."""
    return f"({SINCE} <= {snapshot_id} AND ({UNTIL} IS NULL OR {UNTIL} > {snapshot_id}))"


def show(jobs: Jobs, dataset: str, snapshot: Snapshot, job_id: str) -> bool:
    """Make the view of a dataset show a snapshot's table; False when it does."""
    stored = snapshot.stored
    plain = zip(stored.values(), columns.stored_names(stored), strict=True)
    shown = ", ".join(f"`{column}`" if column == name else f"`{column}` AS `{name}`" for column, name in plain) or ROW
    query = f"SELECT {shown} FROM {jobs.named(snapshot.table)} WHERE {UNTIL} IS NULL"
    with translated():
        if jobs.view(dataset) == query:
            return False
        made = f"CREATE OR REPLACE VIEW {jobs.named(dataset)} AS {query}"
        jobs.run(made, names.new_job(job_id, snapshot.epoch, "view"), label=job_id)
    return True


def hide(jobs: Jobs, dataset: str) -> None:
    with translated():
        jobs.run(f"DROP VIEW IF EXISTS {jobs.named(dataset)}", names.new_job(dataset, 0, "hide"), label="")
