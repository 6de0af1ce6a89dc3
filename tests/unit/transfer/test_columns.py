"""Columns of the file get other names in the dataset, or stay out; what is rejected keeps the names of the file."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from tests.unit.transfer.desk import Desk

NAMES = {"E-Mail": "email", "Notes": None}
CSV = b"id,E-Mail,Notes\n1,a@x,secret\n2,b@x,\n"
NDJSON = b'{"id":1,"E-Mail":"a@x","Notes":"secret"}\n{"id":2,"E-Mail":"b@x","Notes":null}\n'
EXPECTED = {"id": [1, 2], "email": ["a@x", "b@x"]}


def parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "E-Mail": ["a@x", "b@x"], "Notes": ["secret", None]}), file)
    return file.getvalue()


FILES = {"csv": CSV, "tsv": CSV.replace(b",", b"\t"), "ndjson": NDJSON, "parquet": parquet()}


@pytest.mark.parametrize("name", FILES)
def test_columns_are_renamed_and_left_out(desk: Desk, name: str) -> None:
    desk.load(FILES[name], format=name, columns=NAMES)
    assert desk.table().to_pydict() == EXPECTED
    desk.load(FILES[name], format=name, columns=NAMES)
    assert desk.table().num_rows == 4


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"absent": "x"}, "unknown_column"),
        ({"absent": None}, "unknown_column"),
        ({"E-Mail": "id"}, "duplicate_column"),
        ({"E-Mail": "x", "Notes": "x"}, "duplicate_column"),
        ({"id": None, "E-Mail": None, "Notes": None}, "empty_file"),
    ],
)
def test_names_must_fit_the_file(desk: Desk, name: str, columns: dict[str, Any], code: str) -> None:
    with pytest.raises(Terminal) as error:
        desk.load(FILES[name], format=name, columns=columns)
    assert error.value.code == code


@pytest.mark.parametrize("name", FILES)
def test_names_may_be_exchanged(desk: Desk, name: str) -> None:
    desk.load(FILES[name], format=name, columns={"id": "Notes", "Notes": "id"})
    assert desk.table().to_pydict() == {"Notes": [1, 2], "E-Mail": ["a@x", "b@x"], "id": ["secret", None]}


@pytest.mark.parametrize("block_bytes", [40, 1 << 20])
@pytest.mark.parametrize("late", [1, 60])
def test_what_ndjson_names_late_is_renamed_too(desk: Desk, block_bytes: int, late: int) -> None:
    rows = [{"id": number} for number in range(60)]
    rows.insert(late, {"id": -1, "old": 7})
    data = "\n".join(map(json.dumps, rows)).encode()
    desk.limit(block_bytes=block_bytes)
    desk.load(b'{"id":5,"new":8}\n')
    desk.load(data, columns={"old": "new"})
    table = desk.table().to_pydict()
    assert [number for number in table["new"] if number] == [8, 7]
    with pytest.raises(Terminal) as error:
        desk.load(data + b'\n{"new":1}\n', columns={"old": "new"})
    assert error.value.code == "duplicate_column"
    with pytest.raises(Terminal) as error:
        desk.load(b'{"id":1}\n' * 50, columns={"old": "new"})
    assert error.value.code == "unknown_column"


def test_columns_without_names_are_renamed_by_their_numbers(desk: Desk) -> None:
    request: dict[str, Any] = {"csv": {"header": False}, "columns": {"column_2": "name", "column_1": "id", "column_3": None}}
    result = desk.load(b"1,a,x\n2,b\n3,c,z\n", **request)
    desk.load(desk.content(result["rejects"]["path"]).replace(b",2,b", b",2,b,y"), **request)
    assert desk.table().to_pydict() == {"id": [1, 3, 2], "name": ["a", "c", "b"]}


def test_a_schema_speaks_of_the_dataset(desk: Desk) -> None:
    desk.load(b"Price\n1.10\n", columns={"Price": "price"}, schema={"price": "decimal(10,2)"})
    assert desk.types() == {"price": "decimal(10,2)"}


@pytest.mark.parametrize("data", [b"Number,Notes\n1,x\ny,z\n", b'{"Number":1}\n{"Number":"y","Notes":"z"}\n'])
def test_rejects_have_the_names_of_the_file_and_the_same_request_reads_them(desk: Desk, data: bytes) -> None:
    request: dict[str, Any] = {"columns": {"Number": "id", "Notes": None}}
    desk.load(b"id\n0\n")
    result = desk.load(data, **request)
    assert [(error["row"], error["column"], error["code"]) for error in desk.errors(result)] == [(2, "Number", "type_mismatch")]
    mended = desk.content(result["rejects"]["path"]).replace(b"y,z", b"2,z").replace(b'\\"y\\"', b"2")
    assert desk.load(mended, **request)["records_rejected"] == 0
    assert desk.table().to_pydict() == {"id": [0, 1, 2]}
