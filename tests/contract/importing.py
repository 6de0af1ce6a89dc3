"""A process that commits jobs to a warehouse, one after the other, as workers do: `python -m tests.contract.importing PLACE DATASET JOB…`.

A place is a folder, iceberg+http://…, postgresql://…, bigquery://project/dataset or gs://bucket/prefix; for the last two Google's variables
lead to the emulators. The process says the name of each job that was committed; those named upsert-N are upserts. It can be killed at any
moment and started again.
"""

import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from krai import catalog_url
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.bucket import open_bucket
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Change, Committed, Mode, Warehouse
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from krai.warehouse.rest import open_rest

UPSERT = "upsert"
SHARED_ID = -1
# In PostgreSQL parts of one row are moved to the table of the dataset, and larger ones become tables of it.
OWN_TABLE_BYTES = 30
SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def open_place(place: str) -> Warehouse:
    if catalog_url.is_catalog(place):
        url = catalog_url.read(place)
        return open_rest(url, url.root(""), credential=os.environ.get("KRAI_ICEBERG_CREDENTIAL"))
    if place.startswith("postgresql://"):
        return PostgresWarehouse(place, own_table_bytes=OWN_TABLE_BYTES)
    if place.startswith("bigquery://"):
        return BigQueryWarehouse(place, Path(tempfile.gettempdir()), emulator=os.environ["BIGQUERY_EMULATOR_HOST"])
    if not place.startswith("gs://"):
        return open_local(Path(place))
    environ = os.environ
    return open_bucket(
        place, project=environ["GOOGLE_CLOUD_PROJECT"], database="(default)", storage_emulator=environ["STORAGE_EMULATOR_HOST"]
    )


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": ids, "name": [f"name {number}" for number in ids]}, schema=SCHEMA)


def write_part(warehouse: Warehouse, dataset: str, job_id: str, epoch: int, table: pa.Table, *, number: int = 0) -> str:
    """A part of tables with two rows; its location."""
    part = warehouse.open_part(dataset, job_id, epoch, number)
    with closing(part):
        for start in range(0, table.num_rows, 2):
            part.write(table.slice(start, 2))
    return part.location


def drop(warehouse: Warehouse, dataset: str) -> str | None:
    """Drop the dataset that is there now."""
    there = warehouse.describe(dataset)
    assert there is not None
    assert there.snapshot_id is not None
    return warehouse.drop(dataset, there.snapshot_id)


def load(
    warehouse: Warehouse,
    dataset: str,
    job_id: str,
    *tables: pa.Table,
    epoch: int = 1,
    replace: bool = False,
    key: Sequence[str] = (),
    evolve: bool = False,
    summary: str = "-",
) -> Committed:
    """An import: each table becomes a part. With a key it is an upsert."""
    return warehouse.commit(
        dataset, change(warehouse, dataset, job_id, *tables, epoch=epoch, replace=replace, key=key, evolve=evolve, summary=summary)
    )


def change(
    warehouse: Warehouse,
    dataset: str,
    job_id: str,
    *tables: pa.Table,
    epoch: int = 1,
    replace: bool = False,
    key: Sequence[str] = (),
    evolve: bool = False,
    summary: str = "-",
) -> Change:
    """What `load` commits, with its parts written."""
    parts = [write_part(warehouse, dataset, job_id, epoch, table, number=number) for number, table in enumerate(tables)]
    types = {field.name: field.type for table in tables for field in table.schema}
    schema = pa.schema(list(types.items())) if tables else SCHEMA
    mode = Mode.REPLACE if replace else Mode.UPSERT if key else Mode.APPEND
    told = {"result": summary, "rows": 5}
    return Change(job_id=job_id, epoch=epoch, schema=schema, parts=parts, mode=mode, key=key, evolve=evolve, summary=told)


def main(place: str, dataset: str, *jobs: str) -> None:
    warehouse = open_place(place)
    for job in jobs:
        kind, _, number = job.rpartition("-")
        # An upsert takes the key of its number and one that all of them want.
        table = rows(int(number), SHARED_ID) if kind == UPSERT else rows(int(number))
        load(warehouse, dataset, job, table, key=["id"] if kind == UPSERT else ())
        print(job, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
