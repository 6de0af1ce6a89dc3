"""A process that commits jobs to a warehouse, one after the other, as workers do: `python -m tests.contract.importing PLACE DATASET JOB…`.

A place is a folder or gs://bucket/prefix; there Google's variables lead to the emulators. The process says the name of each job that
was committed. It can be killed at any moment and started again with the same jobs.
"""

import os
import sys
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from krai.warehouse.bucket import open_bucket
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Change, Committed, Mode, Warehouse

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def open_place(place: str) -> Warehouse:
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


def load(
    warehouse: Warehouse, dataset: str, job_id: str, *tables: pa.Table, epoch: int = 1, replace: bool = False, summary: str = "-"
) -> Committed:
    """An import: each table becomes a part."""
    parts = [write_part(warehouse, dataset, job_id, epoch, table, number=number) for number, table in enumerate(tables)]
    schema = tables[0].schema if tables else SCHEMA
    mode = Mode.REPLACE if replace else Mode.APPEND
    told = {"result": summary, "rows": 5}
    return warehouse.commit(dataset, Change(job_id=job_id, epoch=epoch, schema=schema, parts=parts, mode=mode, summary=told))


def main(place: str, dataset: str, *jobs: str) -> None:
    warehouse = open_place(place)
    for job in jobs:
        load(warehouse, dataset, job, rows(int(job.rpartition("-")[2])))
        print(job, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
