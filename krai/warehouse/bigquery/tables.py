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


def show(jobs: Jobs, dataset: str, snapshot: Snapshot, job_id: str) -> None:
    """Make the view of a dataset show a snapshot's table, unless it does."""
    shown = ", ".join(f"`{stored}`" for stored in snapshot.stored.values()) or ROW
    query = f"SELECT {shown} FROM {jobs.named(snapshot.table)} WHERE {UNTIL} IS NULL"
    with translated():
        if jobs.view(dataset) != query:
            made = f"CREATE OR REPLACE VIEW {jobs.named(dataset)} AS {query}"
            jobs.run(made, names.new_job(job_id, snapshot.epoch, "view"), label=job_id)


def hide(jobs: Jobs, dataset: str) -> None:
    with translated():
        jobs.run(f"DROP VIEW IF EXISTS {jobs.named(dataset)}", names.new_job(dataset, 0, "hide"), label="")
