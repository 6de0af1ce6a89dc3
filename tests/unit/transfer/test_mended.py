"""The way back: rejects are mended, the request that has rejected them reads them, and the dataset is what the clean file makes."""

import base64
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from tests.unit.formats.xlsx_files import row, text, xlsx
from tests.unit.transfer.desk import Desk

# A cell that is bad, and what it should have been.
BAD = [(b"two", b"2"), (b"\xe9t\xe9", "été".encode()), (b"2020-02-30", b"2020-02-29")]
SCHEMA = {"id": "int64", "word": "string", "day": "date"}
ROWS = [("1", b"a", "2020-01-31"), ("two", b"b", ""), ("3", b"\xe9t\xe9", "2020-01-01"), ("4", b'say "no"', "2020-02-30"), ("5", b"", "")]


def clean_of(data: bytes) -> bytes:
    for bad, good in BAD:
        data = data.replace(bad, good)
    return data


def delimited(mark: bytes) -> bytes:
    lines = [[number.encode(), b'"say ""no"""' if b'"' in word else word, day.encode()] for number, word, day in ROWS]
    return b"".join(mark.join(cells) + b"\r\n" for cells in [[b"id", b"word", b"day"], *lines])


def objects(begin: bytes, joint: bytes, end: bytes) -> bytes:
    lines = []
    for number, word, day in ROWS:
        told = b'"' + word.replace(b'"', b'\\"') + b'"'
        shown = number if number.isdigit() else f'"{number}"'
        lines.append(b'{"id":%s,"word":%s%s}' % (shown.encode(), told, f',"day":"{day}"'.encode() if day else b""))
    return begin + joint.join(lines) + end


def parquet(*, clean: bool) -> bytes:
    """Its numbers are text, as its days are, and it has types that JSON has not."""
    words = [clean_of(word) if clean else word for _, word, _ in ROWS]
    texts = [
        [clean_of(cell.encode()).decode() if clean else cell for cell in cells] for cells in zip(*((n, d) for n, _, d in ROWS), strict=True)
    ]
    table = {
        "id": pa.array(texts[0]),
        "word": pa.array(words).view(pa.string()),
        "day": pa.array([day or None for day in texts[1]]),
        "real": pa.array([0.1, float("nan"), float("inf"), -0.0, None], pa.float32()),
        "octets": pa.array([b"\0\xff", None, b"", b'"', b"x"]),
        "price": pa.array([Decimal("1.50"), Decimal("-0.01"), None, Decimal(0), Decimal("9" * 17)], pa.decimal128(20, 2)),
        "at": pa.array([0, 1, 1_600_000_000_123_456, None, -1], pa.timestamp("us", "Europe/Oslo")),
        "when": pa.array([0, 1, 1_600_000_000_123, None, -1], pa.timestamp("ms")),
        "flag": pa.array([True, False, None, True, False]).dictionary_encode(),
    }
    pq.write_table(pa.table(table), file := io.BytesIO())
    return file.getvalue()


def sheet(*, clean: bool) -> bytes:
    """Text where numbers and days should be, which becomes what its column is."""
    made = [row(text("id"), text("word"), text("day"))]
    for number, word, day in ROWS:
        word_cell = f'<c t="inlineStr"><is><t>{word.decode()}</t></is></c>' if word.isascii() else '<c t="e"><v>été</v></c>'
        cells = [text(number), word_cell, text(day) if day else "<c/>"]
        made.append(row(*cells))
    data = "".join(made)
    if clean:
        data = clean_of(data.encode()).decode().replace('<c t="e"><v>été</v></c>', text("été"))
    return xlsx(data)


CSV, TSV = delimited(b","), delimited(b"\t")
NDJSON, JSON = objects(b"", b"\n", b"\n"), objects(b"[ ", b" ,\n", b"]")
FILES: dict[str, tuple[bytes, bytes, dict[str, Any]]] = {
    "csv": (CSV, clean_of(CSV), {}),
    "tsv": (TSV, clean_of(TSV), {}),
    "ndjson": (NDJSON, clean_of(NDJSON).replace(b'"2"', b"2"), {}),
    "json": (JSON, clean_of(JSON).replace(b'"2"', b"2"), {}),
    "parquet": (parquet(clean=False), parquet(clean=True), {}),
    "xlsx": (sheet(clean=False), sheet(clean=True), {"sheet": "one"}),
}


def records(rejects: bytes) -> list[bytes]:
    """The rows of a rejects file of NDJSON as they came, mended."""
    lines = [json.loads(line) for line in rejects.splitlines()]
    assert all(list(line)[:5] == [f"_krai_{name}" for name in ("row", "column", "code", "reason", "raw")] for line in lines)
    return [clean_of(base64.b64decode(line["_krai_raw"]) if line.get("_krai_raw_base64") else line["_krai_raw"].encode()) for line in lines]


def in_place(rejects: bytes) -> bytes:
    """`_krai_raw` corrected and all else as it was."""
    lines = [json.loads(line) for line in rejects.splitlines()]
    for line, raw in zip(lines, records(rejects), strict=True):
        line["_krai_raw"], line["_krai_raw_base64"] = raw.decode(), False
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def as_columns(rejects: bytes) -> bytes:
    """Each record written out beside what krai says of it, and `_krai_raw` gone."""
    rows = [{"_krai_row": number, **json.loads(record)} for number, record in enumerate(records(rejects))]
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in rows).encode()


Mend = Callable[[bytes], bytes]
WAYS: list[tuple[str, Mend]] = [(name, mend) for name in ("ndjson", "json", "parquet", "xlsx") for mend in (in_place, as_columns)]


def rows_of(desk: Desk, dataset: str) -> list[str]:
    return sorted(map(str, desk.table(dataset).to_pylist()))


@pytest.mark.parametrize(("name", "mend"), [("csv", clean_of), ("tsv", clean_of), *WAYS])
def test_mended_rejects_make_the_dataset_of_the_clean_file(desk: Desk, name: str, mend: Mend) -> None:
    dirty, clean, params = FILES[name]
    request: dict[str, Any] = {"format": name, "schema": SCHEMA, "columns": {"word": "told"}, **params}
    request["schema"] = {"told" if column == "word" else column: kind for column, kind in SCHEMA.items()}
    assert desk.load(clean, "clean", **request)["records_rejected"] == 0
    result = desk.load(dirty, "dirty", **request)
    assert (result["records_processed"], result["records_rejected"]) == (2, 3)
    assert [error["row"] for error in desk.errors(result)] == [2, 3, 4]
    again = desk.load(mend(desk.content(result["rejects"]["path"])), "dirty", **request)
    assert (again["records_processed"], again["records_rejected"]) == (3, 0)
    assert desk.types("dirty") == desk.types("clean")
    assert rows_of(desk, "dirty") == rows_of(desk, "clean")


@pytest.mark.parametrize("name", ["ndjson", "json", "parquet"])
def test_rejects_that_nobody_has_mended_are_rejected_as_they_came_the_first_time(desk: Desk, name: str) -> None:
    dirty, _, params = FILES[name]
    request: dict[str, Any] = {"format": name, "schema": SCHEMA, **params}
    first = desk.load(dirty, **request)
    rejects = desk.content(first["rejects"]["path"])
    with pytest.raises(Terminal) as error:
        desk.load(rejects, **request)
    assert error.value.code == "too_many_rejects"
    assert error.value.result is not None
    again = desk.content(error.value.result["rejects"]["path"])
    assert records(again) == records(rejects)
    assert desk.load(in_place(again), **request)["records_processed"] == 3


def test_columns_that_no_mended_row_has_are_no_mistake(desk: Desk) -> None:
    request: dict[str, Any] = {"format": "ndjson", "schema": {"n": "int64"}, "columns": {"E-Mail": "email", "Notes": None}}
    result = desk.load(b'{"n":1,"E-Mail":"a@x","Notes":"secret"}\n{"n":"two"}\n', **request)
    desk.load(desk.content(result["rejects"]["path"]).replace(b'\\"two\\"', b"2"), **request)
    assert desk.table().to_pydict() == {"n": [1, 2], "email": ["a@x", None]}
    with pytest.raises(Terminal) as error:
        desk.load(b'{"n":3}\n', **request)
    assert error.value.code == "unknown_column"


def test_the_beginning_of_a_row_that_is_too_long_leaves_the_rows_after_it_readable(desk: Desk) -> None:
    desk.limit(row_bytes=100_000, block_bytes=1 << 14)
    result = desk.load(b'id,t\n1,a\n2,"' + b"x\n" * 100_000 + b'"\nbad\n4,d\n')
    assert [error["code"] for error in desk.errors(result)] == ["row_too_large", "column_count"]
    rejects = desk.content(result["rejects"]["path"])
    assert len(rejects) < 70_000
    mended = rejects.replace(b",bad\n", b",3,c\n")
    assert desk.load(mended)["records_processed"] == 2
    assert desk.table()["id"].to_pylist() == [1, 4, 2, 3]


def test_a_number_of_parquet_is_no_other_one_in_its_column(desk: Desk) -> None:
    desk.load(b"id,flag,price\n0,true,1.25\n", schema={"price": "decimal(10,2)"})
    file = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2, 3], "flag": [1, 5, 0], "price": [1.5, 1.5, 1.234]}), file)
    result = desk.load(file.getvalue())
    assert [(error["row"], error["column"], error["raw"]) for error in desk.errors(result)] == [
        (2, "flag", '{"id":2,"flag":5,"price":1.5}'),
        (3, "price", '{"id":3,"flag":0,"price":1.234}'),
    ]
    assert desk.table().to_pydict() == {"id": [0, 1], "flag": [True, True], "price": [Decimal("1.25"), Decimal("1.50")]}
