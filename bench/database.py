r"""Rows in and out of PostgreSQL over HTTP, beside psql's own \copy of the same file on the same server, which waits for its disk."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import data
from bench.bulk import Trial, job_s
from bench.server import Server, server
from scripts.postgres import Postgres, program, running

# As an administrator would have it for large loads. What is on its way to the disk is waited for, by both.
_SETTINGS = ("shared_buffers=256MB", "max_wal_size=4GB", "max_connections=60")
# The types that krai finds in the file.
_COLUMNS = "id bigint, name text, email text, amount double precision, active boolean, created timestamp"


@contextmanager
def trials(folder: Path, rows: int) -> Iterator[list[Trial]]:
    source, out = folder / "rows.csv", folder / "out.csv"
    data.write_csv(source, rows)
    with running(_SETTINGS) as postgres, server(folder / "krai", KRAI_WAREHOUSE_URL=postgres.url()) as served:
        size = f"{source.stat().st_size / 1e6:.0f} MB"
        copy_in = _psql(
            postgres,
            f"\\copy public.rows from '{source}' csv header",
            f"drop table if exists public.rows; create table public.rows ({_COLUMNS})",
        )
        copy_out = _psql(postgres, f"\\copy public.rows to '{out}' csv header")
        yield [
            Trial(f"import into PostgreSQL, CSV, {size}", _import(served, postgres, source), "psql, \\copy from", copy_in, 1.2),
            Trial("export from PostgreSQL, CSV", _export(served, postgres), "psql, \\copy to", copy_out, 1.2),
        ]


def _import(served: Server, postgres: Postgres, source: Path) -> Callable[[], float]:
    order = {"dataset": "rows", "source": {"upload_id": served.client().upload(source)}, "mode": "replace"}
    return _rested(postgres, lambda: job_s(served, "/api/v1/imports", order))


def _export(served: Server, postgres: Postgres) -> Callable[[], float]:
    return _rested(postgres, lambda: job_s(served, "/api/v1/exports", {"dataset": "rows"}))


def _psql(postgres: Postgres, command: str, before: str = "select") -> Callable[[], float]:
    def took_s() -> float:
        began = time.perf_counter()
        subprocess.run([program("psql"), "-X", "-q", postgres.url(), "-c", command], check=True)
        return time.perf_counter() - began

    return _rested(postgres, took_s, before)


def _rested(postgres: Postgres, took_s: Callable[[], float], before: str = "select") -> Callable[[], float]:
    """Nothing of what was done before is written during a measurement."""

    def after_a_checkpoint() -> float:
        with psycopg.connect(postgres.url(), autocommit=True) as connection:
            connection.execute(before.encode())
            connection.execute("checkpoint")
        return took_s()

    return after_a_checkpoint
