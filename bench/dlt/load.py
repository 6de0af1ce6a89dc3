"""A CSV file into DuckDB by dlt, the quickest way its documentation has: `load.py FOLDER FILE` prints the seconds it took."""

import os
import sys
import tempfile
import time
from pathlib import Path

import dlt
from dlt.sources.filesystem import filesystem, read_csv_duckdb

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"


def main(folder: str, name: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        rows = filesystem(bucket_url=Path(folder).as_uri(), file_glob=name) | read_csv_duckdb(use_pyarrow=True)
        target = dlt.destinations.duckdb(f"{home}/rows.duckdb")
        pipeline = dlt.pipeline("bench", destination=target, dataset_name="bench", pipelines_dir=home)
        began = time.perf_counter()
        pipeline.run(rows.with_name("rows"))
        print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
