"""All warehouses make the same of the same imports and undos, in whatever order they come."""

import random
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from krai.errors import KraiError
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Query, Scan, Undo, Warehouse
from krai.warehouse.postgres.warehouse import PostgresWarehouse
from scripts.postgres import Postgres
from tests.bigquery_proxy import BigQueryProxy
from tests.contract import warehouses
from tests.contract.importing import OWN_TABLE_BYTES, SCHEMA, load

Step = tuple[str, list[int]]  # what is done, and the ids of its rows, or the number of the step that is undone
KEYS = {"upsert": ["id"], "upsert by name": ["name"], "upsert by both": ["id", "name"]}
NAMES = 3  # in all, so that rows of several imports have the same; without upserts by name each row has its own

SCRIPTS: dict[str, list[Step]] = {
    "a replace is undone, then the upsert on it": [("replace", [1, 5]), ("upsert", [1, 2]), ("undo", [1]), ("undo", [2])],
    "what an undone replace has left is undone again": [("upsert", [1]), ("replace", [1, 7]), ("undo", [2]), ("undo", [1]), ("undo", [0])],
    "rows on a replace outlive it": [
        ("replace", [4]),
        ("append", [1, 6]),
        ("upsert", [6]),
        ("undo", [1]),
        ("undo", [3]),
        ("undo", [2]),
    ],
}
STEPS = 14


def any_steps(seed: int, *, keys: Sequence[str] = ("upsert",)) -> list[Step]:
    numbers = random.Random(seed)  # noqa: S311 (no secret)
    steps: list[Step] = []
    for number in range(1, STEPS):
        kind = numbers.choices(["append", numbers.choice(keys), "replace", "undo"], [2, 4, 1, 4])[0]
        ids = [numbers.randrange(6) for _ in range(numbers.randrange(1, 4))]
        steps.append((kind, [numbers.randrange(number)] if kind == "undo" else ids))
    return steps


def outcome(warehouse: Warehouse, number: int, step: Step, *, same_names: bool) -> tuple[object, list[tuple[object, ...]]]:
    """What a step says, and the rows after it."""
    (kind, ids), job = step, f"job-{number}"
    try:
        if kind == "undo":
            committed = warehouse.undo("things", Undo(job_id=job, epoch=1, undone_job_id=f"job-{ids[0]}"))
        else:
            names = [f"name {(number + place) % NAMES}" if same_names else f"{job} {place}" for place in range(len(ids))]
            table = pa.table({"id": ids, "name": names}, schema=SCHEMA)
            committed = load(warehouse, "things", job, table, replace=kind == "replace", key=KEYS.get(kind, ()))
    except KraiError as error:
        return error.code, rows_of(warehouse.scan("things"))
    return committed.counts, rows_of(warehouse.scan("things"))


def rows_of(scan: Scan) -> list[tuple[object, ...]]:
    rows = [tuple(row.values()) for part in scan.parts for row in part().to_pylist()]
    assert len(rows) == scan.expected()
    return rows


def agree(iceberg: Warehouse, other: Warehouse, steps: list[Step]) -> None:
    """At each step, and the other's earlier snapshots stay as they were."""
    then: dict[str, list[tuple[object, ...]]] = {}
    same_names = any(kind in KEYS and KEYS[kind] != ["id"] for kind, _ in steps)
    for number, step in enumerate([("append", [0, 1, 2]), *steps]):
        (said, rows), (theirs, their_rows) = (outcome(place, number, step, same_names=same_names) for place in (other, iceberg))
        assert (said, sorted(rows)) == (theirs, sorted(their_rows)), steps[:number]
        then[other.scan("things").snapshot_id] = rows
    for snapshot_id, rows in then.items():
        assert rows_of(other.scan("things", Query(as_of=snapshot_id))) == rows


ANY = {str(seed): any_steps(seed) for seed in range(3)} | {
    f"{seed}, by several keys": any_steps(seed, keys=list(KEYS)) for seed in range(8)
}


@pytest.mark.parametrize("steps", [*SCRIPTS.values(), *ANY.values()], ids=[*SCRIPTS, *ANY])
def test_every_step_comes_to_the_same_in_postgresql(postgres: Postgres, tmp_path: Path, steps: list[Step]) -> None:
    with postgres.database() as url:
        agree(open_local(tmp_path), PostgresWarehouse(url, own_table_bytes=OWN_TABLE_BYTES), steps)


def test_every_step_comes_to_the_same_in_bigquery(bigquery: BigQueryProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = warehouses.dataset(bigquery, monkeypatch)
    others = BigQueryWarehouse(place.url, tmp_path, emulator=bigquery.url)
    agree(open_local(tmp_path / "iceberg"), others, SCRIPTS["rows on a replace outlive it"])
