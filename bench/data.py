"""The files of the measurements: six columns, a number, two texts, an amount, a truth and a time; the same on every machine."""

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from pyarrow import csv

CHUNK_ROWS = 500_000
BAD_EVERY = 100
NAMES = np.array([f"name {number} of somewhere" for number in range(1000)])


def write_csv(file: Path, rows: int) -> None:
    with file.open("wb") as target:
        for first in range(0, rows, CHUNK_ROWS):
            options = csv.WriteOptions(include_header=first == 0, quoting_style="needed")
            csv.write_csv(_table(np.arange(first, min(first + CHUNK_ROWS, rows)), seed=first), target, options)


def write_other(source: Path, target: Path, options: str) -> None:
    """The rows of a CSV file in another format of DuckDB's."""
    with duckdb.connect() as engine:
        engine.execute(f"COPY (FROM read_csv('{source}')) TO '{target}' ({options})")


def write_polluted(source: Path, target: Path) -> int:
    """The CSV file with every hundredth row short of a cell; how many these are."""
    bad = 0
    with source.open("rb") as lines, target.open("wb") as file:
        file.write(next(lines))
        for number, line in enumerate(lines):
            if number % BAD_EVERY == BAD_EVERY // 2:
                file.write(line.rpartition(b",")[0] + b"\n")
                bad += 1
            else:
                file.write(line)
    return bad


def write_changed(file: Path, rows: int) -> int:
    """A hundredth of the rows, spread over all of them, with other values; how many these are."""
    ids = np.sort(np.random.default_rng(11).choice(rows, rows // 100, replace=False))
    csv.write_csv(_table(ids, seed=rows), file, csv.WriteOptions(quoting_style="needed"))
    return len(ids)


def _table(ids: "np.ndarray[tuple[int], np.dtype[np.int64]]", *, seed: int) -> pa.Table:
    draw, count = np.random.default_rng(7 + seed), len(ids)
    return pa.table(
        {
            "id": ids,
            "name": NAMES[draw.integers(0, len(NAMES), count)],
            "email": [f"user{number}@example.com" for number in ids],
            "amount": np.round(draw.random(count) * 1000, 2),
            "active": draw.integers(0, 2, count).astype(bool),
            "created": (1_600_000_000 + draw.integers(0, 10**8, count)).astype("datetime64[s]"),
        }
    )
