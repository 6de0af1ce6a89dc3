"""Millions of rows in and out over HTTP, beside DuckDB's CSV → Parquet and Polars' Parquet → CSV on the same file and machine."""

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from bench.server import Server

RUNS = 3
CHUNK_ROWS = 500_000
# Each yardstick runs in a process of its own, and counts its time from after its imports.
DUCKDB = "duckdb.sql(f\"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)\")"
POLARS = "polars.scan_parquet(source).sink_csv(target)"
NAMES = np.array([f"name {number} of somewhere" for number in range(1000)])


@dataclass(frozen=True, slots=True)
class Bulk:
    """Seconds, medians of `RUNS`; `peak_rss_bytes` is the most that any process of the server held."""

    rows: int
    source_bytes: int
    import_s: float
    export_s: float
    duckdb_s: float
    polars_s: float
    peak_rss_bytes: int


def measure(served: Server, folder: Path, rows: int) -> Bulk:
    """Krai and the yardsticks take turns, so that a change of the machine's pace meets both."""
    source, parquet, out = folder / f"{rows}.csv", folder / f"{rows}.parquet", folder / f"{rows}-polars.csv"
    write_csv(source, rows)
    upload_id = served.client().upload(source)
    dataset = f"bulk_{rows}"
    imports: list[float] = []
    exports: list[float] = []
    duckdbs: list[float] = []
    polarses: list[float] = []
    for _ in range(RUNS):
        order = {"dataset": dataset, "source": {"upload_id": upload_id}, "mode": "replace"}
        imports.append(job_s(served, "/api/v1/imports", order))
        duckdbs.append(yardstick_s("duckdb", DUCKDB, source, parquet))
        exports.append(job_s(served, "/api/v1/exports", {"dataset": dataset}))
        polarses.append(yardstick_s("polars", POLARS, parquet, out))
    return Bulk(
        rows=rows,
        source_bytes=source.stat().st_size,
        import_s=statistics.median(imports),
        export_s=statistics.median(exports),
        duckdb_s=statistics.median(duckdbs),
        polars_s=statistics.median(polarses),
        peak_rss_bytes=served.peak_rss_bytes(),
    )


def job_s(served: Server, path: str, order: dict[str, Any]) -> float:
    """From the POST to COMPLETED, on a new connection: the server closes those that the yardsticks leave idle."""
    client = served.client()
    began = time.perf_counter()
    client.finish(client.call("POST", path, order))
    return time.perf_counter() - began


def yardstick_s(module: str, statement: str, source: Path, target: Path) -> float:
    script = f"import {module}, time; source, target = {str(source)!r}, {str(target)!r}; began = time.perf_counter(); {statement}"
    told = subprocess.run(
        [sys.executable, "-c", f"{script}; print(time.perf_counter() - began)"], check=True, capture_output=True, text=True
    )
    return float(told.stdout.split()[-1])


def write_csv(file: Path, rows: int) -> None:
    """Six columns: a number, two texts, an amount, a truth and a time; the same on every machine."""
    rng = np.random.default_rng(7)
    with file.open("wb") as target:
        for first in range(0, rows, CHUNK_ROWS):
            count = min(CHUNK_ROWS, rows - first)
            numbers = np.arange(first, first + count)
            table = pa.table(
                {
                    "id": numbers,
                    "name": NAMES[rng.integers(0, len(NAMES), count)],
                    "email": [f"user{number}@example.com" for number in numbers],
                    "amount": np.round(rng.random(count) * 1000, 2),
                    "active": rng.integers(0, 2, count).astype(bool),
                    "created": (1_600_000_000 + rng.integers(0, 10**8, count)).astype("datetime64[s]"),
                }
            )
            options = csv.WriteOptions(include_header=first == 0, quoting_style="needed")
            csv.write_csv(table, target, options)
