"""Millions of rows in and out over HTTP, beside what other engines take for the same file on the same machine."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import data, engines, memory
from bench.server import Server

RUNS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """Both are called in turn and give seconds; krai's may be at most `promised` times the other's."""

    what: str
    ours: Callable[[], float]
    yardstick: str
    theirs: Callable[[], float]
    promised: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Medians of `RUNS`, in seconds."""

    trial: Trial
    ours_s: float
    theirs_s: float


@dataclass(frozen=True, slots=True)
class Files:
    """The same rows as CSV, NDJSON and Parquet, the first with a hundredth of its rows broken, and changes for a hundredth of them."""

    csv: Path
    ndjson: Path
    parquet: Path
    polluted: Path
    changes: Path
    out: Path

    @classmethod
    def make(cls, folder: Path, rows: int) -> "Files":
        files = cls(*(folder / name for name in ("rows.csv", "rows.ndjson", "rows.parquet", "polluted.csv", "changes.csv", "out")))
        data.write_csv(files.csv, rows)
        data.write_other(files.csv, files.ndjson, "FORMAT json")
        data.write_other(files.csv, files.parquet, "FORMAT parquet")
        data.write_polluted(files.csv, files.polluted)
        data.write_changed(files.changes, rows)
        return files


def measure(trials: list[Trial]) -> Iterator[Ratio]:
    """Krai and the yardstick take turns, so that a change of the machine's pace meets both."""
    for trial in trials:
        ours, theirs = zip(*((_alone_s(trial.ours), _alone_s(trial.theirs)) for _ in range(RUNS)), strict=True)
        yield Ratio(trial, statistics.median(ours), statistics.median(theirs))


def _alone_s(took_s: Callable[[], float]) -> float:
    memory.at_hand()
    return took_s()


def trials(served: Server, files: Files) -> list[Trial]:
    uploads = {file: served.client().upload(file) for file in (files.csv, files.ndjson, files.parquet, files.polluted, files.changes)}

    def load(file: Path, dataset: str, **params: Any) -> Callable[[], float]:
        order = {"dataset": dataset, "source": {"upload_id": uploads[file]}, "mode": "replace", **params}
        return lambda: job_s(served, "/api/v1/imports", order)

    def export(**params: Any) -> Callable[[], float]:
        return lambda: job_s(served, "/api/v1/exports", {"dataset": "rows", **params})

    def duckdb(statement: str, source: Path) -> Callable[[], float]:
        return lambda: engines.took_s("duckdb", statement, source, files.out)

    def polars(statement: str) -> Callable[[], float]:
        return lambda: engines.took_s("polars", statement, files.parquet, files.out)

    def rewritten() -> float:
        return engines.rewritten_s(files.parquet, files.changes, files.out)

    clean = load(files.csv, "rows")
    copy = duckdb(engines.PARQUET_TO_PARQUET, files.parquet)
    load(files.csv, "changed")()
    size = f"{files.csv.stat().st_size / 1e6:.0f} MB"
    return [
        Trial(f"import CSV, {size}", clean, "DuckDB, to Parquet", duckdb(engines.CSV_TO_PARQUET, files.csv), 1.4),
        Trial("the same", clean, "dlt into DuckDB", lambda: engines.dlt_s(files.csv), 1 / 3),
        Trial("import NDJSON", load(files.ndjson, "ndjson"), "DuckDB, to Parquet", duckdb(engines.NDJSON_TO_PARQUET, files.ndjson), 1.4),
        Trial("import Parquet", load(files.parquet, "parquet"), "DuckDB, a copy by COPY", copy, 1.5),
        Trial("import CSV, 1 % of its rows bad", load(files.polluted, "polluted"), "krai, all good", clean, 1.3),
        Trial("upsert of 1 %", load(files.changes, "changed", mode="upsert", key=["id"]), "DuckDB, all rows anew", rewritten, 1.5),
        Trial("export CSV", export(format="csv"), "Polars, sink_csv", polars(engines.POLARS_CSV), 1.2),
        Trial("the same", export(format="csv"), "pandas, to_csv", lambda: engines.pandas_s(files.parquet, files.out), 1 / 10),
        Trial("export NDJSON", export(format="ndjson"), "Polars, sink_ndjson", polars(engines.POLARS_NDJSON), 1.2),
        Trial("export Parquet", export(format="parquet"), "DuckDB, a copy by COPY", copy, 1.2),
    ]  # fmt: skip


def job_s(served: Server, path: str, order: dict[str, Any]) -> float:
    """From the POST to COMPLETED, on a new connection: the server closes those that the yardsticks leave idle."""
    client = served.client()
    began = time.perf_counter()
    client.finish(client.call("POST", path, order))
    return time.perf_counter() - began
