"""What is written is read again as the same values, in every format, for every type."""

import datetime as dt
import gzip
import io
import json
import math
import zlib
from decimal import Decimal
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings, strategies as st

from krai.formats.delimited import CsvReader
from krai.formats.ndjson import NdjsonReader
from krai.formats.parquet import ParquetReader
from krai.formats.reading import Reader
from krai.formats.types import arrow_type
from tests.unit.formats.reading_files import read_all
from tests.unit.formats.writing import write

FORMATS = ("csv", "ndjson", "parquet")  # that there are readers for
COMPRESSIONS = ("none", "gzip", "zstd")
NO_CONTROLS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(),
    "decimal(20,4)": st.decimals(-(10**15), 10**15, places=4),
    "decimal(38,20)": st.decimals(-(10**15), 10**15, places=20),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(timezones=st.just(dt.UTC)),
    "string": st.text(alphabet=st.one_of(st.sampled_from('",\n\r\\/{}x '), NO_CONTROLS)),
    "binary": st.binary(max_size=8),
}
COLUMN = st.sampled_from(list(CELLS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.one_of(st.none(), CELLS[kind]), min_size=5, max_size=5))
)
TABLE = st.lists(COLUMN, min_size=1, max_size=4)


@settings(max_examples=150)
@given(TABLE, st.sampled_from(FORMATS), st.sampled_from(COMPRESSIONS))
def test_with_its_types_given_every_table_comes_back(columns: list[tuple[str, list[Any]]], name: str, compression: str) -> None:
    table = as_table(columns)
    reader = reader_of(unpacked(written(table, name, compression), name, compression), name)
    bound = {field.name: field.type for field in table.schema}
    reader.learn({}, bound)
    read: dict[str, list[Any]] = {name: [] for name in table.column_names}
    for parsed in chain.from_iterable(map(reader.parse, reader.blocks())):
        assert not parsed.rejects
        for column, kind in bound.items():
            typed, misfit = parsed.columns[column].fit(kind)
            assert misfit is None
            read[column] += typed.to_pylist()
    assert [spelled(column) for column in read.values()] == [spelled(column.to_pylist()) for column in table.columns]


# Text that looks like nothing else, numbers that are finite: what a file says of its types is then all there is to say.
PLAIN = {kind: CELLS[kind] for kind in ("boolean", "int64", "date", "timestamp", "timestamptz")} | {
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(alphabet=st.sampled_from('",\n\r é\\')).map(lambda text: "x" + text),
}


@given(
    st.lists(
        st.sampled_from(list(PLAIN)).flatmap(
            lambda kind: st.tuples(st.just(kind), st.lists(st.one_of(st.none(), PLAIN[kind]), max_size=4), PLAIN[kind])
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(FORMATS),
)
def test_types_are_found_again(columns: list[tuple[str, list[Any], Any]], name: str) -> None:
    rows = max(len(cells) for _, cells, _ in columns)
    table = as_table([(kind, [last, *cells, *[None] * (rows - len(cells))]) for kind, cells, last in columns])
    read = read_all(reader_of(written(table, name, "none"), name))
    assert {column: arrow_type(kind) for column, kind in read.types.items()} == {field.name: field.type for field in table.schema}
    assert read.total == table.num_rows


@pytest.mark.parametrize("name", [*FORMATS, "tsv", "json"])
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_equal_tables_are_written_as_equal_bytes(name: str, compression: str) -> None:
    table = pa.table({"a": list(range(1000)), "b": ["x", "y"] * 500})
    assert written(table, name, compression) == written(table, name, compression)


def test_gzip_names_no_time_and_is_one_member() -> None:
    data = written(pa.table({"a": list(range(100))}), "csv", "gzip")
    assert data[4:8] == bytes(4)
    member = zlib.decompressobj(31)
    member.decompress(data)
    assert member.eof
    assert member.unused_data == b""


def test_csv_is_spelled_for_people() -> None:
    table = pa.table(
        {
            "text": pa.array(['say "hi"', "a,b", "", None, "plain"]),
            "number": pa.array([1.0, 0.1, 1e20, -0.0, None]),
            "when": pa.array([0, 1_500_000, None, -1, 0], pa.timestamp("us")),
            "instant": pa.array([0, None, 1, None, None], pa.timestamp("us", "UTC")),
            "exact": pa.array([Decimal("1.50"), Decimal("0E-10"), None, None, None], pa.decimal128(20, 10)),
        }
    )
    assert written(table, "csv", "none").decode() == (
        "text,number,when,instant,exact\n"
        '"say ""hi""",1.0,1970-01-01T00:00:00,1970-01-01T00:00:00Z,1.5000000000\n'
        '"a,b",0.1,1970-01-01T00:00:01.500000,,0.0000000000\n'
        '"",1e+20,,1970-01-01T00:00:00.000001Z,\n'
        ",-0.0,1969-12-31T23:59:59.999999,,\n"
        "plain,,1970-01-01T00:00:00,,\n"
    )


def test_ndjson_says_what_json_has_no_number_for_in_strings() -> None:
    table = pa.table({'a"b': pa.array([math.nan, math.inf, -math.inf, None, 1.5]), "t": pa.array(["\u0001", "\\", "é", "", None])})
    assert written(table, "ndjson", "none").decode().splitlines() == [
        '{"a\\"b":"NaN","t":"\\u0001"}',
        '{"a\\"b":"Infinity","t":"\\\\"}',
        '{"a\\"b":"-Infinity","t":"é"}',
        '{"a\\"b":null,"t":""}',
        '{"a\\"b":1.5,"t":null}',
    ]


@given(st.lists(st.text(alphabet=NO_CONTROLS), min_size=1))
def test_every_line_of_ndjson_is_json(cells: list[str]) -> None:
    lines = written(pa.table({"a": cells}), "ndjson", "none").decode().split("\n")
    assert [json.loads(line)["a"] for line in lines[:-1]] == cells


def test_json_is_one_array_with_an_object_a_line() -> None:
    table = pa.table({"a": [1, None, 3], "b": ["x", "y\n", None]})
    assert written(table, "json", "none").decode() == '[\n{"a":1,"b":"x"},\n{"a":null,"b":"y\\n"},\n{"a":3,"b":null}\n]\n'
    assert written(table.slice(0, 0), "json", "none") == b"[\n]\n"


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_json_is_what_ndjson_has(compression: str) -> None:
    table = pa.table({"a": list(range(40_000)), "b": [f"é {n}" for n in range(40_000)]})
    lines = unpacked(written(table, "ndjson", compression), "ndjson", compression).splitlines()
    whole = unpacked(written(table, "json", compression), "json", compression)
    assert whole == b"[\n" + b",\n".join(lines) + b"\n]\n"
    assert len(json.loads(whole)) == 40_000


def as_table(columns: list[tuple[str, list[Any]]]) -> pa.Table:
    return pa.table({f"c{number}": pa.array(cells, arrow_type(kind)) for number, (kind, cells) in enumerate(columns)})


def written(table: pa.Table, name: str, compression: str) -> bytes:
    return write(table, format=name, compression=compression)


def unpacked(data: bytes, name: str, compression: str) -> bytes:
    """The file without its compression, which is Parquet's own affair."""
    if compression == "none" or name == "parquet":
        return data
    if compression == "gzip":
        return gzip.decompress(data)
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as frames:
        return bytes(frames.read())


def reader_of(data: bytes, name: str) -> Reader:
    if name == "csv":
        return CsvReader(lambda: io.BytesIO(data), max_row_bytes=1 << 20, max_columns=100, max_name_bytes=255)
    if name == "ndjson":
        return NdjsonReader(lambda: io.BytesIO(data), max_row_bytes=1 << 20, max_columns=100)
    assert pq.ParquetFile(io.BytesIO(data)).metadata.num_rows >= 0
    return ParquetReader(lambda: io.BytesIO(data), max_bytes=1 << 30, max_columns=100, max_name_bytes=255)


def spelled(cells: list[Any]) -> list[str]:
    """NaN is NaN here, and 0.0 is not -0.0."""
    return [repr(cell) for cell in cells]
