"""No value becomes another one on its way into a dataset: what is not the same in its column keeps its row out."""

import io
import json
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.transfer.desk import Desk


def as_parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "cell", "text"),
    [
        ("date", pa.array([datetime(2020, 1, 2, 15, 30)]), "2020-01-02T15:30:00"),  # noqa: DTZ001 (without a zone)
        ("timestamp", pa.array([1_600_000_000]), "1600000000"),
        ("timestamptz", pa.array([datetime(2020, 1, 2, 15, 30)]), "2020-01-02T15:30:00"),  # noqa: DTZ001
        ("timestamptz", pa.array([date(2020, 1, 2)]), "2020-01-02"),
        ("timestamp", pa.array([0], pa.timestamp("us", "UTC")), "1970-01-01T00:00:00Z"),
        ("int64", pa.array([datetime(2020, 1, 2, 15, 30)]), "2020-01-02T15:30:00"),  # noqa: DTZ001
        ("int64", pa.array([True]), "true"),
        ("int64", pa.array([b"12"]), "MTI="),
        ("decimal(5,2)", pa.array([1000]), "1000"),
    ],
)
def test_what_is_of_another_kind_is_rejected_in_every_format(desk: Desk, kind: str, cell: pa.Array, text: str) -> None:
    desk.load(b"id,a\n0,\n", schema={"a": kind, "id": "int64"})
    ids = pa.array([1, 2])
    cells = pa.concat_arrays([cell, pa.nulls(1, cell.type)])
    for data in (as_parquet(pa.table({"id": ids, "a": cells})), f"id,a\n1,{text}\n2,\n".encode(), ndjson_of(text)):
        (error,) = desk.errors(desk.load(data))
        assert (error["row"], error["column"], error["code"]) == (1, "a", "type_mismatch")
    assert desk.table()["a"].null_count == 4


def ndjson_of(text: str) -> bytes:
    value = text if text.isdigit() or text == "true" else json.dumps(text)
    return f'{{"id":1,"a":{value}}}\n{{"id":2,"a":null}}\n'.encode()


def test_integers_of_parquet_fit_decimals(desk: Desk) -> None:
    desk.load(b"a\n0.5\n", schema={"a": "decimal(10,2)"})
    assert desk.load(as_parquet(pa.table({"a": [7, -12345678]})))["records_rejected"] == 0
    assert [str(cell) for cell in desk.table()["a"].to_pylist()] == ["0.50", "7.00", "-12345678.00"]


TIMES = [datetime(9999, 12, 31), datetime(2020, 1, 2, 3, 4, 5, 678901), None, datetime(1, 1, 1), datetime(1969, 12, 31, 23)]  # noqa: DTZ001


@pytest.mark.parametrize("options", [{}, {"row_group_size": 2}, {"use_dictionary": False}])
def test_the_oldest_times_of_parquet_are_of_all_years(desk: Desk, options: dict[str, Any]) -> None:
    """INT96: days and nanoseconds, as Spark and Hive wrote them; krai's are microseconds, and digits beyond are not dropped."""
    names = ["same", "same", "other", "more", "more"]
    table = pa.table({"when": pa.array(TIMES, pa.timestamp("us")), "name": names})
    desk.load(as_parquet(table, use_deprecated_int96_timestamps=True, **options))
    assert desk.table().to_pydict() == {"when": TIMES, "name": names}
    finer = pa.table({"when": pa.array([1_000, -1, 1_577_934_245_678_901_234, None, -3_000], pa.timestamp("ns")), "name": names})
    result = desk.load(as_parquet(finer, use_deprecated_int96_timestamps=True, **options), mode="replace")
    assert desk.table()["when"].cast(pa.int64()).to_pylist() == [1, None, -3]
    assert [(error["row"], error["code"], error["raw"]) for error in desk.errors(result)] == [
        (2, "type_mismatch", '{"when":"1969-12-31 23:59:59.999999999","name":"same"}'),
        (3, "type_mismatch", '{"when":"2020-01-02 03:04:05.678901234","name":"other"}'),
    ]


@pytest.mark.parametrize("options", [{}, {"use_dictionary": False}])
def test_text_in_parquet_with_a_nul_is_rejected(desk: Desk, options: dict[str, Any]) -> None:
    table = pa.table({"t": ["a", "a\0b", None, "\0", "b"], "large": pa.array(["x"] * 5, pa.large_string())})
    result = desk.load(as_parquet(table, **options))
    assert desk.table()["t"].to_pylist() == ["a", None, "b"]
    assert [(error["row"], error["column"], error["code"]) for error in desk.errors(result)] == [
        (2, "t", "control_character"),
        (4, "t", "control_character"),
    ]


def test_text_in_parquet_may_be_wrong_in_several_ways_at_once(desk: Desk) -> None:
    text = pa.array([b"a\0", b"\xff", b"b", b"\xff\0", None]).view(pa.string())
    result = desk.load(as_parquet(pa.table({"t": text, "u": text.cast(pa.large_string())})))
    assert desk.table().to_pydict() == {"t": ["b", None], "u": ["b", None]}
    assert [(error["row"], error["column"], error["code"]) for error in desk.errors(result)] == [
        (1, "t", "control_character"),
        (2, "t", "invalid_utf8"),
        (4, "t", "invalid_utf8"),
    ]


def test_numbers_of_json_without_room_in_their_decimal_are_rejected(desk: Desk) -> None:
    data = b"".join(b'{"price":%s}\n' % number for number in [b"1.5", b"42949673", b"2", b"99999999"])
    result = desk.load(data, schema={"price": "decimal(8,2)"})
    assert [error["row"] for error in desk.errors(result)] == [2, 4]
    assert [str(price) for price in desk.table()["price"].to_pylist()] == ["1.50", "2.00"]
