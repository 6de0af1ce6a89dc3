"""The yardsticks: what other engines take for the same file, each in a process of its own that counts from after its imports."""

import subprocess
import sys
from pathlib import Path

from bench.venvs import python_of
from scripts.emulators import ROOT

# Each statement reads `source` and writes `target`.
CSV_TO_PARQUET = "duckdb.sql(f\"COPY (FROM read_csv('{source}')) TO '{target}' (FORMAT parquet)\")"
NDJSON_TO_PARQUET = "duckdb.sql(f\"COPY (FROM read_json('{source}')) TO '{target}' (FORMAT parquet)\")"
PARQUET_TO_PARQUET = "duckdb.sql(f\"COPY (FROM '{source}') TO '{target}' (FORMAT parquet)\")"
POLARS_CSV = "polars.scan_parquet(source).sink_csv(target)"
POLARS_NDJSON = "polars.scan_parquet(source).sink_ndjson(target)"
PANDAS_CSV = "pandas.read_parquet(source).to_csv(target, index=False)"
BYTES = "shutil.copyfile(source, target); os.fsync(os.open(target, os.O_RDONLY))"


def took_s(module: str, statement: str, source: Path, target: Path, *, python: Path = Path(sys.executable)) -> float:
    script = f"import {module}, os, time; source, target = {str(source)!r}, {str(target)!r}; began = time.perf_counter(); {statement}"
    return _told([str(python), "-c", f"{script}; print(time.perf_counter() - began)"])


def pandas_s(source: Path, target: Path) -> float:
    return took_s("pandas", PANDAS_CSV, source, target, python=python_of("pandas"))


def rewritten_s(table: Path, changes: Path, target: Path) -> float:
    """DuckDB writes the whole table anew, with the rows of a CSV file in the place of those with the same id."""
    kept = f"(FROM '{table}' t ANTI JOIN changes USING (id))"
    statement = f"COPY ({kept} UNION ALL BY NAME (FROM changes)) TO '{target}' (FORMAT parquet)"
    read = f"CREATE TABLE changes AS FROM read_csv('{changes}')"
    return took_s("duckdb", f"duckdb.sql({read!r}); duckdb.sql({statement!r})", table, target)


def dlt_s(source: Path) -> float:
    return _told([str(python_of("dlt")), str(ROOT / "bench" / "dlt" / "load.py"), str(source.parent), source.name])


def _told(command: list[str]) -> float:
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(told.stdout.split()[-1])
