"""A process that commits jobs to a warehouse, one after the other, as workers do: `python -m tests.contract.importing FOLDER DATASET JOB…`.

It says the name of each job that was committed. It can be killed at any moment and started again with the same jobs.
"""

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Committed, Warehouse

SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string())])


def rows(*ids: int) -> pa.Table:
    return pa.table({"id": ids, "name": [f"name {number}" for number in ids]}, schema=SCHEMA)


def load(
    warehouse: Warehouse, dataset: str, job_id: str, *tables: pa.Table, epoch: int = 1, replace: bool = False, summary: str = "-"
) -> Committed:
    """An import: each table becomes a part."""
    parts = []
    for number, table in enumerate(tables):
        parts.append(warehouse.open_part(dataset, job_id, epoch, number))
        pq.write_table(table, parts[-1], row_group_size=2)
    schema = tables[0].schema if tables else SCHEMA
    return warehouse.commit(
        dataset, job_id=job_id, epoch=epoch, schema=schema, parts=parts, replace=replace, summary={"result": summary, "rows": 5}
    )


def main(folder: str, dataset: str, *jobs: str) -> None:
    warehouse = open_local(Path(folder))
    for job in jobs:
        load(warehouse, dataset, job, rows(int(job.rpartition("-")[2])))
        print(job, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
