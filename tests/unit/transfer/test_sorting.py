"""A sorted export: any order of any rows, with their values unchanged, in little memory and in files that are gone afterwards."""

import json
import math
import resource
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cmp_to_key, partial
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from krai.errors import Terminal, Transient
from krai.job import Stage
from krai.transfer import merging, sorting
from krai.transfer.meter import Meter
from krai.transfer.sorting import sort
from krai.warehouse.port import Change, Scan
from krai.warehouse.spilling import open_spilling
from tests.unit.transfer.desk import Desk, Listener

VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "flag": (pa.bool_(), [True, False]),
    "Id": (pa.int64(), [0, 1, -1, 2**63 - 1, -(2**63)]),
    "id": (pa.float64(), [0.0, -0.0, 1.5, -2.0, math.inf, -math.inf, math.nan]),
    "price": (pa.decimal128(38, 2), [Decimal("0.01"), Decimal("-999999999999999999999999999999999999.99"), Decimal(10) ** 30]),
    "text": (pa.string(), ["", "a", "A", "ab", "ä", "a\u0308", "z", "😀", "\uffff", "nul\0", "a" * 300]),
    "raw": (pa.binary(), [b"", b"\0", b"a", b"\xff"]),
    "day": (pa.date32(), [0, -1, 2**31 - 1, -(2**31)]),
    "local": (pa.timestamp("us"), [0, -1, 2**63 - 1, -(2**63)]),
    "at": (pa.timestamp("us", "UTC"), [0, -1, 2**63 - 1, -(2**63)]),
}
SCHEMA = pa.schema([(name, kind) for name, (kind, _) in VALUES.items()])
ROWS = st.lists(st.tuples(*(st.none() | st.sampled_from(values) for _, values in VALUES.values())), max_size=25)
KEYS = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.tuples(*(st.sampled_from([name, f"-{name}"]) for name in names))
)


def table_of(rows: Iterable[tuple[Any, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def scan_of(parts: Sequence[Callable[[], pa.Table]], rows: int, schema: pa.Schema = SCHEMA) -> Scan:
    return Scan(schema=schema, rows=rows, snapshot_id="1", snapshot_time="", parts=parts)


def compare(keys: tuple[str, ...], left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    for key in keys:
        place = SCHEMA.names.index(key.removeprefix("-"))
        one: Any = left[place]
        other: Any = right[place]
        if one is None or other is None:
            if (one is None) != (other is None):
                return 1 if one is None else -1
            continue
        one, other = ((math.isnan(value), value) if isinstance(value, float) else value for value in (one, other))
        if isinstance(one, str):
            one, other = one.encode(), other.encode()
        if one != other and not (isinstance(one, tuple) and one[0] and other[0]):
            return (1 if one > other else -1) * (-1 if key.startswith("-") else 1)
    return 0


def exact(table: pa.Table) -> list[str]:
    """Every bit of every value: -0.0 is not 0.0, and times beyond the calendar have no other name."""
    plain = [column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in table.columns]
    plain = [column.cast(pa.int32()) if pa.types.is_date(column.type) else column for column in plain]
    return [repr(row) for row in zip(*(column.to_pylist() for column in plain), strict=True)]


@pytest.fixture(params=["in memory", "in many runs"])
def _room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "in many runs":
        for module, name, value in ((sorting, "_LOAD_BYTES", 1), (merging, "_FAN_IN", 3), (merging, "_BLOCK_BYTES", 300)):
            monkeypatch.setattr(module, name, value)


@pytest.mark.usefixtures("_room")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, keys=KEYS, limit=st.none() | st.integers(0, 12), cut=st.integers(1, 5))
def test_any_order_is_that_of_python(
    tmp_path: Path, rows: list[tuple[Any, ...]], keys: tuple[str, ...], limit: int | None, cut: int
) -> None:
    table = table_of(rows)
    parts = [partial(table.slice, start, cut) for start in range(0, len(rows), cut)]
    columns = ["id", "Id", *(name for name in SCHEMA.names if name.lower() != "id")]
    scan = sort(scan_of(parts, len(rows)), keys, columns=columns, limit=limit, spool=tmp_path, meter=Meter(Listener()))
    got = pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])
    expected = table_of(sorted(rows, key=cmp_to_key(partial(compare, keys)))).select(columns)
    assert got.schema == expected.schema
    assert exact(got) == exact(expected if limit is None else expected.slice(0, limit))
    assert scan.expected() == got.num_rows


def test_many_small_pieces_take_as_long_as_there_are_of_them(tmp_path: Path) -> None:
    table = pa.table({"id": [1]})
    began_s = time.process_time()
    scan = sort(
        scan_of([lambda: table] * 2000, 2000, table.schema), ["id"], columns=["id"], limit=None, spool=tmp_path, meter=Meter(Listener())
    )
    assert sum(part().num_rows for part in scan.parts) == 2000
    assert time.process_time() - began_s < 2, "a look at all that is held with each piece took nine seconds"


@pytest.fixture
def loaded(desk: Desk) -> Desk:
    desk.limit(block_bytes=2000)
    desk.load(("id,name,group\n" + "".join(f"{number},name {number % 7},{number % 3}\n" for number in range(3000))).encode())
    desk.listener.said.clear()
    return desk


def test_an_export_comes_in_the_order_asked_for(loaded: Desk) -> None:
    lines = loaded.exported(order_by=["-group", "name", "-id"], columns=["id", "name"]).decode().splitlines()[1:]
    expected = sorted(range(3000), key=lambda number: (-(number % 3), number % 7, -number))
    assert lines == [f"{number},name {number % 7}" for number in expected]
    assert list(loaded.tools.spool.glob("sorting/*")) == []


def test_filter_order_and_limit_go_together(loaded: Desk) -> None:
    result = loaded.export(filter="group = 1 AND id < 100", order_by=["-id"], limit=3, columns=["id"])
    assert loaded.content(result["files"][0]["path"]).decode().split() == ["id", "97", "94", "91"]
    assert (result["records"], result["complete"]) == (3, False)
    whole = loaded.export(filter="group = 1 AND id < 10", order_by=["-id"], limit=3)
    assert (whole["records"], whole["complete"]) == (3, True)
    manifest = json.loads(loaded.content(whole["manifest"]["path"]))
    assert manifest["records_expected"] == manifest["records_written"] == 3
    assert (manifest["request"]["filter"], manifest["request"]["order_by"]) == ("group = 1 AND id < 10", ["-id"])


def test_a_sorted_export_says_how_far_it_has_come(loaded: Desk) -> None:
    loaded.export(order_by=["name"])
    said = loaded.listener.said
    assert list(dict.fromkeys(progress.stage for progress in said)) == [Stage.READING, Stage.WRITING, Stage.UPLOADING]
    reading = [progress.percent for progress in said if progress.stage is Stage.READING]
    assert len(set(reading)) > 5
    assert 40 < max(reading) < 50


def test_a_sorted_file_ends_at_its_size_too(loaded: Desk) -> None:
    result = loaded.export(order_by=["-id"], size_mb=0.001)
    assert (result["complete"], result["records"] < 3000) == (False, True)
    assert list(loaded.tools.spool.glob("sorting/*")) == []


def test_an_unknown_column_has_no_order(loaded: Desk) -> None:
    for columns in (None, ["id"]):
        with pytest.raises(Terminal) as error:
            loaded.export(order_by=["nope"], columns=columns)
        assert error.value.code == "unknown_column"


def test_rows_that_are_lost_on_the_way_are_missed_even_when_the_limit_is_reached(desk: Desk) -> None:
    desk.load(b"id\n1\n2\n3\n")
    (part,) = (desk.folder / "warehouse" / "things").rglob("*.parquet")
    pq.write_table(pq.read_table(part).slice(0, 2), part)
    with pytest.raises(Transient, match="The snapshot has 3 rows, 2 were read"):
        desk.export(order_by=["id"], limit=1)


def test_a_part_that_cannot_be_read_fails_as_it_does_without_an_order(tmp_path: Path) -> None:
    def broken() -> pa.Table:
        raise Transient("store_busy", "Gone for a moment.")

    scan = sort(scan_of([broken], 1), ["Id"], columns=["Id"], limit=None, spool=tmp_path, meter=Meter(Listener()))
    with pytest.raises(Transient, match="Gone for a moment"):
        list(scan.parts)


def big(desk: Desk) -> Desk:
    """More than the sorting may keep in memory."""
    random = Random(7)  # noqa: S311 - what cannot be packed
    table = pa.table({"id": range(20_000), "text": [random.randbytes(500).hex() for _ in range(20_000)]})
    with closing(desk.tools.warehouse.open_part("things", "a", 1, 0)) as part:
        for number in range(20):
            part.write(table)
            table = table.set_column(0, "id", pa.array(range((number + 1) * 20_000, (number + 2) * 20_000)))
    desk.tools.warehouse.commit("things", Change(job_id="a", epoch=1, schema=table.schema, parts=[part.location]))
    return desk


def test_a_full_disk_ends_the_job(desk: Desk) -> None:
    big(desk)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(Terminal) as error:
            desk.export(order_by=["-text"], columns=["id"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.code == "disk_full"


def test_what_cannot_be_sorted_in_the_memory_there_is_ends_the_job(tmp_path: Path) -> None:
    row = pa.table({"text": ["x" * (200 << 20)]})
    scan = sort(scan_of([lambda: row], 1, row.schema), ["text"], columns=["text"], limit=None, spool=tmp_path, meter=Meter(Listener()))
    with pytest.raises(Terminal) as error:
        list(scan.parts)
    assert error.value.code == "memory_limit"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM '{file}'",
        "SELECT * FROM things",
        "COPY (SELECT 1) TO '{file}'",
        "ATTACH '{file}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '9GB'",
        "SET enable_external_access = true",
    ],
)
def test_what_sorts_reaches_for_nothing_else(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("a\n1\n")
    things = pa.table({"a": [1]})
    with closing(open_spilling(tmp_path / "sorting", "128MiB")) as sorter, pytest.raises(duckdb.Error):
        sorter.execute(statement.format(file=file)).fetchall()
    assert (file.read_text(), things.num_rows) == ("a\n1\n", 1)


def test_the_time_columns_stay_in_utc(desk: Desk) -> None:
    table = pa.table({"at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))})
    scan = replace(scan_of([lambda: table], 1), schema=table.schema)
    (part,) = sort(scan, ["at"], columns=["at"], limit=None, spool=desk.folder, meter=Meter(Listener())).parts
    assert part().equals(table)


def test_a_filtered_file_that_ends_at_its_size_does_not_know_how_many_rows_there_are(loaded: Desk) -> None:
    result = loaded.export(filter="id >= 0", size_mb=0.001)
    manifest = json.loads(loaded.content(result["manifest"]["path"]))
    assert (manifest["records_expected"], manifest["records_written"], manifest["complete"]) == (None, result["records"], False)
    whole = loaded.export(filter="id < 7", split_rows=3)
    assert ([file["records"] for file in whole["files"]], whole["complete"]) == ([3, 3, 1], True)
