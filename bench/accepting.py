"""How long a POST takes, beside what it cannot do without: a request that does nothing and one durable SQLite commit."""

import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from bench.server import Server

ROUNDS = 200
EXPORT = {"dataset": "users", "limit": 10}


def measure(served: Server) -> dict[str, float]:
    """Medians in milliseconds. Each round takes all of them in turn, so that none has a warmer machine than the others."""
    client = served.client()
    commit = durable_commit(served.data_dir)
    times: dict[str, list[float]] = {"healthz": [], "commit": [], "post": [], "post_to_completed": []}
    for _ in range(ROUNDS):
        times["healthz"].append(took_ms(lambda: client.call("GET", "/healthz")))
        times["commit"].append(took_ms(commit))
        began = time.perf_counter()
        job = client.call("POST", "/api/v1/exports", EXPORT)
        times["post"].append((time.perf_counter() - began) * 1000)
        client.finish(job)
        times["post_to_completed"].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def took_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def durable_commit(folder: Path) -> Callable[[], object]:
    """Writes one row of a job's size into a WAL database that syncs every commit."""
    connection = sqlite3.connect(folder / "commit.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, doc TEXT)")
    return lambda: connection.execute("INSERT INTO rows (doc) VALUES (?)", ("x" * 1000,))
