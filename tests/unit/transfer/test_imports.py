"""An import: types of the whole file, one commit, and the same outcome however often it runs."""

import gzip
import hashlib
import io
import json
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from krai.errors import Terminal
from krai.job import Kind, Stage
from krai.transfer.tools import Superseded
from tests.unit.formats.xlsx_files import OLE, row, text, xlsx
from tests.unit.transfer.desk import Desk

FLIGHTS = b"id,name,when\n1,a,2020-01-31\n2,,\n"


def refused(desk: Desk, data: bytes, **params: Any) -> Terminal:
    """The error of an import that fails, and leaves the dataset as it was."""
    before = desk.tools.warehouse.describe("things")
    with pytest.raises(Terminal) as error:
        desk.load(data, **params)
    assert desk.tools.warehouse.describe("things") == before
    return error.value


def test_a_file_becomes_a_dataset(desk: Desk) -> None:
    outcome = desk.run(desk.job(Kind.IMPORT, source=desk.put(FLIGHTS)))
    assert outcome.result["records_processed"] == outcome.result["records_inserted"] == 2
    assert (outcome.result["records_updated"], outcome.result["records_rejected"], outcome.result["rejects"]) == (0, 0, None)
    assert outcome.dataset is not None
    assert replace(outcome.dataset, snapshots=()) == desk.tools.warehouse.describe("things")
    (snapshot,) = outcome.dataset.snapshots
    assert (snapshot.mode, snapshot.rows, snapshot.inserted) == ("append", 2, 2)
    assert outcome.dataset is not None
    assert outcome.result["snapshot_id"] == outcome.dataset.snapshot_id
    assert desk.types() == {"id": "int64", "name": "string", "when": "date"}
    assert desk.table().column("name").to_pylist() == ["a", None]


@pytest.mark.parametrize("data", [FLIGHTS, gzip.compress(FLIGHTS)], ids=["plain", "packed"])
def test_a_file_with_a_digest_is_that_file_as_it_came(desk: Desk, data: bytes) -> None:
    result = desk.load(data, sha256=hashlib.sha256(data).hexdigest())
    assert result["records_processed"] == 2
    assert desk.listener.said[-1].bytes_processed == len(data), "what was read for its digest alone is not counted"
    assert refused(desk, data + b"\n", sha256=hashlib.sha256(data).hexdigest()).code == "upload_mismatch"


def test_an_import_says_how_far_it_has_come_and_never_goes_back(desk: Desk) -> None:
    desk.load(FLIGHTS)
    stages = list(dict.fromkeys(progress.stage for progress in desk.listener.said))
    assert stages == [Stage.FETCHING, Stage.READING, Stage.UPLOADING, Stage.COMMITTING]
    assert never_falls([progress.percent for progress in desk.listener.said])
    assert max(progress.percent for progress in desk.listener.said) < 100
    assert desk.listener.said[-1].records_processed == 2
    assert desk.listener.said[-1].bytes_processed == len(FLIGHTS)


def never_falls(numbers: list[int]) -> bool:
    return numbers == sorted(numbers)


def test_a_job_that_runs_again_has_the_same_outcome_and_its_rows_are_there_once(desk: Desk) -> None:
    job = desk.job(Kind.IMPORT, source=desk.put(FLIGHTS + b"3\n"))
    first = desk.run(job)
    desk.load(b"id\n4\n")
    again = desk.run(replace(job, epoch=2))
    assert again.result == first.result
    assert desk.table().num_rows == 3
    assert desk.listener.asked == 2  # the second run had nothing to commit


def test_an_import_that_lost_its_job_leaves_nothing_visible(desk: Desk) -> None:
    desk.listener.allows = False
    with pytest.raises(Superseded):
        desk.load(FLIGHTS)
    assert desk.tools.warehouse.describe("things") is None


def test_parts_that_were_written_with_refuted_types_are_gone(desk: Desk) -> None:
    desk.limit(block_bytes=1000)
    lines = [b'{"id":1}\n'] * 200 + [b'{"id":1,"late":2}\n'] * 200 + [b'{"id":1,"late":"text"}\n']
    desk.load(b"".join(lines), format="ndjson")
    assert desk.types() == {"id": "int64", "late": "string"}
    parts = [path.name for path in (desk.folder / "warehouse").rglob("part-*.parquet")]
    assert parts == ["part-00000.parquet"]


@pytest.mark.parametrize(
    ("early", "late", "kind"),
    [
        ("1", "x", "string"),
        ("1", "1.5", "float64"),
        ("", "7", "int64"),
        ("1.5", "2", "float64"),
        ("7", "007", "string"),
        ("", "", "string"),
    ],
)
def test_types_are_those_of_the_whole_file(desk: Desk, early: str, late: str, kind: str) -> None:
    rows = [early] * 50 + [late] + [early] * 50
    data = "n,v\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(rows))
    desk.limit(block_bytes=64)
    desk.load(data.encode())
    assert desk.types() == {"n": "int64", "v": kind}
    assert desk.table().column("n").to_pylist() == list(range(101))
    assert never_falls([progress.percent for progress in desk.listener.said])
    assert never_falls([progress.records_processed for progress in desk.listener.said])
    expected = [None if cell == "" else cell for cell in rows]
    found = desk.table().column("v").to_pylist()
    assert found == [cell if cell is None or kind == "string" else {"int64": int, "float64": float}[kind](cell) for cell in expected]


@pytest.mark.parametrize(
    "rows", [["{}"] * 30 + ['{"a":1}', '{"b":"x"}'], ['{"a":1}'] * 30 + ['{"a":"x","b":2}'], ["{}"] * 30 + ['{"b":null}']]
)
def test_columns_may_appear_anywhere_in_ndjson(desk: Desk, rows: list[str]) -> None:
    desk.load("\n".join(rows).encode(), "whole")
    desk.limit(block_bytes=64)
    desk.load("\n".join(rows).encode(), "cut")
    assert desk.table("cut").equals(desk.table("whole"))
    assert desk.table("cut").num_rows == len(rows)
    assert desk.types("cut") == desk.types("whole")


def test_rows_before_the_first_value_of_any_column_are_kept(desk: Desk) -> None:
    desk.load(b"a,b\n,\n,\n,x\n")
    assert desk.table().to_pydict() == {"a": [None, None, None], "b": [None, None, "x"]}
    desk.load(b"a,b\n,\n,\n", "nulls")
    assert desk.table("nulls").to_pydict() == {"a": [None, None], "b": [None, None]}


def test_a_header_alone_makes_a_dataset_without_rows(desk: Desk) -> None:
    assert desk.load(b"a,b\n")["records_processed"] == 0
    assert desk.types() == {"a": "string", "b": "string"}


NAMED_IN_ROWS = "as its rows name them one by one"
NESTED = [pa.list_(pa.int64()), pa.map_(pa.string(), pa.int64()), pa.struct({"x": pa.int64()})]
ROWLESS = [(b"", "ndjson"), (b"\n\n", "ndjson"), (b"\xef\xbb\xbf", "ndjson"), (b"[]", "json"), (b" [\n] ", "auto")]


@pytest.mark.parametrize(("data", "name"), ROWLESS)
def test_a_file_without_rows_leaves_the_columns_as_they_are(desk: Desk, data: bytes, name: str) -> None:
    desk.load(b"id,name\n1,a\n")
    columns = {"id": "int64", "name": "string"}
    asked: list[dict[str, Any]] = [{}, {"evolve": True}, {"mode": "upsert", "key": ["id"]}, {"columns": {"x": "id", "y": None}}]
    for params in asked:
        result = desk.load(data, format=name, **params)
        assert (result["records_processed"], result["records_rejected"]) == (0, 0)
        assert (desk.types(), desk.table().num_rows) == (columns, 1)
    assert [column["type"] for column in desk.load(data, format=name, mode="replace", dry_run=True)["schema"]] == ["int64", "string"]
    assert desk.table().num_rows == 1
    desk.load(data, format=name, mode="replace")
    assert (desk.types(), desk.table().num_rows) == (columns, 0)
    desk.load(data, format=name, mode="replace", schema={"id": "decimal(9,2)", "day": "date"})
    assert desk.types() == {"id": "decimal(9,2)", "name": "string", "day": "date"}


@pytest.mark.parametrize(("data", "name"), ROWLESS)
def test_a_new_dataset_of_a_file_without_rows_has_the_columns_of_the_schema(desk: Desk, data: bytes, name: str) -> None:
    for params in ({}, {"mode": "replace"}, {"evolve": True}):
        error = refused(desk, data, format=name, **params)
        assert error.code == "empty_file"
        assert error.detail == "The file has no rows to name columns: for a new dataset the request's schema has to."
    assert desk.load(data, format=name, schema={"a": "date"})["records_processed"] == 0
    assert (desk.types(), desk.table().num_rows) == ({"a": "date"}, 0)


@pytest.mark.parametrize("name", ["ndjson", "json"])
def test_an_export_without_rows_is_imported_again(desk: Desk, name: str) -> None:
    desk.load(b"id,name\n")
    assert desk.load(desk.exported(format=name), format=name, mode="replace")["records_processed"] == 0
    assert desk.types() == {"id": "string", "name": "string"}


def test_a_file_that_should_be_json_is_none_without_a_bracket(desk: Desk) -> None:
    desk.load(b"id\n1\n")
    error = refused(desk, b"", format="json", mode="replace")
    assert (error.code, error.detail) == (
        "empty_file",
        "The file has neither a JSON array nor an object; an array without rows is written [].",
    )


def test_columns_that_could_not_be_listed_are_refused_before_the_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("krai.dataset.LARGEST_COLUMNS_BYTES", 1000)
    names = [f"{'ü' * 10}{number}" for number in range(12)]  # some 100 bytes each
    with pytest.raises(Terminal, match="too_many_columns"):
        desk.load(",".join(names).encode() + b"\n")
    assert desk.tools.warehouse.describe("things") is None
    desk.load(",".join(names[:7]).encode() + b"\n")
    with pytest.raises(Terminal, match="too_many_columns"):
        desk.load(",".join(names[7:]).encode() + b"\n", evolve=True)
    desk.load(",".join(names[7:]).encode() + b"\n", mode="replace")


def test_appended_rows_take_the_types_of_the_dataset(desk: Desk) -> None:
    desk.load(b"id,code,price\n1,007,1.5\n")
    result = desk.load(b"code,id\n8,2\n9,x\n")
    assert desk.table().to_pydict() == {"id": [1, 2], "code": ["007", "8"], "price": [1.5, None]}
    assert [(entry["row"], entry["column"], entry["code"], entry["raw"]) for entry in desk.errors(result)] == [
        (2, "id", "type_mismatch", "9,x")
    ]


def test_a_column_the_dataset_does_not_have_fails_the_append(desk: Desk) -> None:
    desk.load(b"id\n1\n")
    assert refused(desk, b"id,new\n2,x\n").code == "unknown_column"
    assert refused(desk, b'{"id":2}\n{"new":1}\n').code == "unknown_column"


@pytest.mark.parametrize(
    ("data", "params", "detail"),
    [
        (b"id,new\n2,x\n", {}, "Column 2 of the file is not in the dataset."),
        (b"x,id,y\n1,2,3\n", {"columns": {"x": None}}, "Column 3 of the file is not in the dataset."),
        (b"x,y,z\n1,2,3\n", {"columns": {"x": None, "y": "id", "z": "w"}}, "Column 3 of the file is not in the dataset."),
        (b'{"id":2,"new":1}\n', {}, f"Column 2 of the file, {NAMED_IN_ROWS}, is not in the dataset."),
        (
            b'{"x":1,"id":2,"y":1}\n',
            {"columns": {"x": None}},
            "Column 3 of the file, as its rows name them one by one, is not in the dataset.",
        ),
        (b"id\n2\n", {"schema": {"id": "int64", "new": "date"}}, "Column 2 of the schema is not in the dataset."),
        (b"id\n2\n", {"mode": "replace", "schema": {"id": "int64", "new": "date"}}, "Column 2 of the schema is not in the file."),
        (b"id\n2\n", {"mode": "upsert", "key": ["id", "new"]}, "Column 2 of the key is not in the file."),
        (b"id\n2\n", {"columns": {"id": "id", "x": None}}, "Column 2 of those to rename is not in the file."),
        (b'{"id":2}\n', {"columns": {"id": "id", "x": None}}, "Column 2 of those to rename is not in the file."),
    ],
)
def test_which_column_is_unknown_is_said_by_its_number(desk: Desk, data: bytes, params: dict[str, Any], detail: str) -> None:
    desk.load(b"id\n1\n")
    error = refused(desk, data, **params)
    assert (error.code, error.detail) == ("unknown_column", detail)


@pytest.mark.parametrize("params", [{}, {"evolve": True}])
def test_which_column_has_another_type_is_said_by_its_number(desk: Desk, params: dict[str, Any]) -> None:
    desk.load(b"id,name\n1,a\n")
    error = refused(desk, b"id,name\n2,b\n", schema={"id": "int64", "name": "date"}, **params)
    assert error.code == "unsupported_type"
    assert error.detail.startswith("Column 2 of the schema ")


def test_replacing_takes_the_types_of_the_file(desk: Desk) -> None:
    desk.load(b"id,old\n1,x\n")
    desk.load(b"id\ntext\n", mode="replace")
    assert desk.table().to_pydict() == {"id": ["text"]}


def test_a_declared_type_binds_its_column(desk: Desk) -> None:
    result = desk.load(b"id,price\n007,1.10\n8,1.234\n", schema={"price": "decimal(10,2)"})
    assert desk.types() == {"id": "string", "price": "decimal(10,2)"}
    assert result["records_rejected"] == 1
    assert str(desk.table().column("price")[0]) == "1.10"


def test_a_rejected_row_has_no_say_in_the_types_of_other_columns(desk: Desk) -> None:
    desk.load(b"a,b\n1,1\nx,text\n", schema={"a": "int64"})
    assert desk.types() == {"a": "int64", "b": "int64"}


def test_a_declared_column_that_the_file_does_not_have_is_a_mistake(desk: Desk) -> None:
    assert refused(desk, b"a\n1\n", schema={"b": "int64"}).code == "unknown_column"
    desk.load(b'{"a":1}\n', schema={"b": "int64"})
    assert desk.types() == {"a": "int64", "b": "int64"}


def test_a_declared_type_other_than_the_dataset_has_is_a_mistake(desk: Desk) -> None:
    desk.load(b"a\n1\n")
    assert refused(desk, b"a\n2\n", schema={"a": "string"}).code == "unsupported_type"


@pytest.mark.parametrize("compression", ["auto", "gzip"])
def test_gzip_of_any_number_of_members_is_read(desk: Desk, compression: str) -> None:
    desk.load(gzip.compress(b"a\n1\n") + gzip.compress(b"") + gzip.compress(b"2\n"), compression=compression)
    assert desk.table().to_pydict() == {"a": [1, 2]}


PACKED = gzip.compress(b"a\n1\n", mtime=0)


@pytest.mark.parametrize(
    ("data", "params", "code"),
    [
        pytest.param(PACKED[:-9], {}, "corrupt_file", id="gzip cut short"),
        pytest.param(PACKED[:-3] + b"xyz", {}, "corrupt_file", id="gzip with a wrong length"),
        pytest.param(PACKED + b"garbage", {}, "corrupt_file", id="gzip and garbage"),
        pytest.param(gzip.compress(PACKED), {}, "format_mismatch", id="gzip in gzip"),
        pytest.param(PACKED, {"compression": "none"}, "format_mismatch", id="gzip said to be none"),
        pytest.param(b"a\n1\n", {"compression": "gzip"}, "format_mismatch", id="none said to be gzip"),
        pytest.param(gzip.compress(b"a\n" + b"1\n" * 600_000), {}, "decompression_limit", id="gzip of too much"),
        pytest.param(b"\x89PNG\r\n\x1a\n", {"format": "csv"}, "format_mismatch", id="a picture"),
        pytest.param(b"<!DOCTYPE html><html>", {}, "format_mismatch", id="a page"),
        pytest.param(b"a,b\n1,2\n", {"format": "parquet"}, "format_mismatch", id="csv said to be parquet"),
        pytest.param(b"PAR1 but not really", {}, "corrupt_file", id="parquet without a footer"),
        pytest.param(b"a\n" + b"1\n" * 2_000_000, {}, "source_too_large", id="too large"),
        pytest.param(b"", {}, "empty_file", id="nothing"),
        pytest.param(b"", {"format": "ndjson"}, "empty_file", id="nothing as ndjson"),
        pytest.param(b"a,b\n1\n2\n", {}, "too_many_rejects", id="rejects alone"),
        pytest.param(b"nope\n", {"format": "ndjson"}, "too_many_rejects", id="rejects alone as ndjson"),
        pytest.param(b"{}\n{}\n", {}, "empty_file", id="rows without columns"),
    ],
)
def test_a_file_that_cannot_be_imported_fails_with_its_reason(desk: Desk, data: bytes, params: dict[str, Any], code: str) -> None:
    desk.limit(source_bytes=3 << 20, unpacked_bytes=1 << 20)
    assert refused(desk, data, **params).code == code


def test_a_source_that_is_gone_or_changed_fails_the_job(desk: Desk) -> None:
    job = desk.job(Kind.IMPORT, source={"path": "uploads/none", "generation": "1"})
    with pytest.raises(Terminal) as error:
        desk.run(job)
    assert error.value.code == "source_missing"
    job = desk.job(Kind.IMPORT, source={**desk.put(FLIGHTS), "generation": "another"})
    with pytest.raises(Terminal) as error:
        desk.run(job)
    assert error.value.code == "source_changed"


@pytest.mark.parametrize(("rows", "groups"), [(0, "none"), (0, "empty"), (2, "null")])
def test_parquet_without_values_has_its_types_all_the_same(desk: Desk, rows: int, groups: str) -> None:
    kinds = {"a": pa.int32(), "b": pa.decimal128(5, 2), "c": pa.timestamp("ms", "UTC"), "d": pa.date32(), "e": pa.bool_(), "f": pa.binary()}
    schema = pa.schema(list(kinds.items()))
    with pq.ParquetWriter(file := io.BytesIO(), schema) as writer:
        if groups != "none":
            writer.write_table(pa.table([pa.nulls(rows, kind) for kind in schema.types], schema=schema))
    expected = {"a": "int64", "b": "decimal(5,2)", "c": "timestamptz", "d": "date", "e": "boolean", "f": "binary"}
    assert desk.load(file.getvalue())["records_processed"] == rows
    assert desk.types() == expected
    desk.load(file.getvalue(), mode="replace")
    assert desk.types() == expected
    desk.load(b"z\n1\n", "wider")
    desk.load(file.getvalue(), "wider", evolve=True, columns={"a": "x", "f": None})
    assert desk.types("wider") == {"z": "int64", "x": "int64", **{name: expected[name] for name in "bcde"}}
    assert desk.load(file.getvalue(), "forecast", dry_run=True)["schema"][1]["type"] == "decimal(5,2)"


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        (pa.decimal256(50, 2), "has decimals of more than 38 digits: write it with fewer, or as text"),
        (pa.time64("us"), "has times of day: write them as text"),
        (pa.time32("ms"), "has times of day: write them as text"),
        (pa.duration("us"), "has durations: write them as whole numbers, of microseconds for one"),
        *((kind, "has lists, maps or structs: write them as JSON in text, or each part as a column of its own") for kind in NESTED),
    ],
    ids=str,
)
@pytest.mark.parametrize("params", [{}, {"columns": {"a": None}}])
def test_a_column_of_parquet_that_cannot_be_kept_is_told_with_what_to_do(
    desk: Desk, kind: pa.DataType, detail: str, params: dict[str, Any]
) -> None:
    error = refused(desk, as_parquet(pa.table({"a": [1], "b": pa.nulls(1, kind), "c": [2]})), **params)
    assert (error.code, error.detail) == ("unsupported_type", f"Column 2 of the file {detail}.")


def test_parquet_is_read_with_its_own_types(desk: Desk) -> None:
    table = pa.table(
        {
            "small": pa.array([1, None], pa.int8()),
            "large": pa.array([2**64 - 1, 0], pa.uint64()),
            "half": pa.array([1.5, None], pa.float32()),
            "word": pa.array(["x", "y"]).dictionary_encode(),
            "wide": pa.array(["x", None], pa.large_string()),
            "when": pa.array([1000, 2000], pa.timestamp("ns")),
            "instant": pa.array([1, 2], pa.timestamp("ms", "Europe/Oslo")),
            "day": pa.array([0, 86_400_000], pa.date64()),
            "fixed": pa.array([b"ab", b"cd"], pa.binary(2)),
        }
    )
    desk.load(as_parquet(table))
    assert desk.types() == {
        "small": "int64",
        "large": "decimal(20,0)",
        "half": "float64",
        "word": "string",
        "wide": "string",
        "when": "timestamp",
        "instant": "timestamptz",
        "day": "date",
        "fixed": "binary",
    }
    assert [str(cell) for cell in desk.table().column("large")] == [str(2**64 - 1), "0"]


def test_what_parquet_has_and_krai_has_not_is_rejected_or_refused(desk: Desk) -> None:
    result = desk.load(as_parquet(pa.table({"a": [1, 2], "when": pa.array([1000, 2001], pa.timestamp("ns"))})))
    assert (result["records_processed"], result["records_rejected"]) == (1, 1)
    assert desk.errors(result)[0]["column"] == "when"
    assert desk.table().column("a").to_pylist() == [1]
    assert refused(desk, as_parquet(pa.table({"a": [[1]]})), mode="replace").code == "unsupported_type"
    assert refused(desk, as_parquet(pa.table({"a": [1]}))[:-20] + bytes(20)).code == "corrupt_file"


def test_a_page_of_parquet_that_is_not_what_its_checksum_says_is_damaged(desk: Desk) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1111, 2222, 4444]}), file, compression="none", use_dictionary=False, write_page_checksum=True)
    number = (2222).to_bytes(8, "little")
    assert refused(desk, file.getvalue().replace(number, (3333).to_bytes(8, "little"))).code == "corrupt_file"
    assert desk.load(file.getvalue())["records_processed"] == 3


def test_text_in_parquet_that_is_not_utf8_is_rejected(desk: Desk) -> None:
    text = pa.array([b"good", b"\xff", None]).view(pa.string())
    result = desk.load(as_parquet(pa.table({"t": text})))
    assert desk.table().column("t").to_pylist() == ["good", None]
    assert [(entry["row"], entry["code"]) for entry in desk.errors(result)] == [(2, "invalid_utf8")]


def test_a_huge_row_group_is_read_in_pieces_and_counted(desk: Desk) -> None:
    table = pa.table({"t": ["x" * 1000] * 20_000})
    desk.load(as_parquet(table))
    assert desk.table().num_rows == 20_000
    assert len(list(desk.tools.warehouse.scan("things").parts)) > 1
    desk.limit(unpacked_bytes=1 << 20)
    assert refused(desk, as_parquet(table)).code == "decompression_limit"


def test_a_parquet_column_is_fitted_to_the_dataset(desk: Desk) -> None:
    desk.load(b"a,b,c\n1,x,1.5\n")
    result = desk.load(as_parquet(pa.table({"a": ["2", "x"], "c": [3, 4]})))
    assert desk.table().to_pydict() == {"a": [1, 2], "b": ["x", None], "c": [1.5, 3.0]}
    assert result["records_rejected"] == 1


def as_parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


NAMED_IN_ROWS = "as its rows name them one by one"
NESTED = [{"a": {"b": [1.10, None, "é"], "c": {}}, "n": 1}, {"a": [], "n": 12345678901234567890}, {"a": None, "n": -1}]


def test_nested_values_and_long_integers_come_back_from_every_format_of_text(desk: Desk) -> None:
    lines = "".join(json.dumps(record) + "\n" for record in NESTED).replace("1.1,", "1.10,").encode()
    desk.load(lines)
    assert desk.types() == {"a": "string", "n": "decimal(20,0)"}
    texts = ['{"b":[1.10,null,"é"],"c":{}}', "[]", None]
    assert desk.table().column("a").to_pylist() == texts
    for name, kind in (("csv", "decimal(38,0)"), ("ndjson", "decimal(20,0)")):
        written = desk.exported(format=name)
        desk.load(written, name)
        assert desk.types(name) == {"a": "string", "n": kind}
        assert desk.table(name).column("a").to_pylist() == texts
        assert desk.exported(name, format=name) == written


def test_integers_beyond_64_bits_are_numbers_wherever_they_come(desk: Desk) -> None:
    desk.limit(block_bytes=16)
    written = b"n,t\n1,007\n\n12345678901234567890123456789,1\n-5,1e5\n"
    desk.load(written)
    assert desk.types() == {"n": "decimal(38,0)", "t": "string"}
    assert desk.exported() == written.replace(b"\n\n", b"\n")
    desk.load(b"[" + b",".join(b'{"n": %d}' % number for number in (1, 10**19, 10**24, 2)) + b"]", "more")
    assert desk.types("more") == {"n": "decimal(25,0)"}


def test_a_json_array_is_imported_and_what_it_rejects_can_be_mended(desk: Desk) -> None:
    result = desk.load(b'[\n  {"a": 1},\n  {"a": 01},\n  [3],\n  {"a": 4}\n]\n')
    assert (result["records_processed"], result["records_rejected"]) == (2, 2)
    assert [(error["row"], error["code"], error["raw"]) for error in desk.errors(result)] == [
        (2, "malformed_json", '{"a": 01}'),
        (3, "malformed_json", "[3]"),
    ]
    rejects = desk.content(result["rejects"]["path"])
    assert desk.load(rejects.replace(b'{\\"a\\": 01}', b'{\\"a\\": 2}'))["records_processed"] == 1
    assert sorted(desk.table().column("a").to_pylist()) == [1, 2, 4]


@pytest.mark.parametrize("format_", ["auto", "xlsx"])
def test_a_sheet_is_imported_and_what_it_rejects_can_be_mended(desk: Desk, format_: str) -> None:
    rows = row(text("a"), text("b")) + row("<c><v>1</v></c>", text("x")) + row("<c><v>1e999</v></c>", text("y")) + row("<c><v>3</v></c>")
    result = desk.load(xlsx(rows), format=format_, sheet="one")
    assert (result["records_processed"], result["records_rejected"]) == (2, 1)
    assert desk.types() == {"a": "int64", "b": "string"}
    assert desk.errors(result) == [
        {"row": 2, "column": "a", "code": "non_finite_number", "detail": "A number is not finite.", "raw": '{"a":"1e999","b":"y"}'}
    ]
    desk.load(desk.content(result["rejects"]["path"]).replace(b'\\"1e999\\"', b"2"))
    assert desk.table().sort_by("a").to_pydict() == {"a": [1, 2, 3], "b": ["x", "y", None]}


def test_a_row_of_a_sheet_that_does_not_fit_its_dataset_is_rejected_as_an_object(desk: Desk) -> None:
    desk.load(b"a,b\n1,x\n")
    result = desk.load(xlsx(row(text("a"), text("b")) + row(text("no"), text("y")) + row(text("2"), "<c><v>2.5</v></c>")))
    assert desk.errors(result)[0]["raw"] == '{"a":"no","b":"y"}'
    assert desk.table().sort_by("a").to_pydict() == {"a": [1, 2], "b": ["x", "2.5"]}


def test_a_sheet_is_asked_for_of_a_file_that_has_sheets(desk: Desk) -> None:
    assert refused(desk, FLIGHTS, sheet=1).code == "unknown_sheet"
    assert refused(desk, xlsx(row(text("a"))), sheet=2).code == "unknown_sheet"
    assert refused(desk, xlsx(row(text("a"))), format="csv").code == "format_mismatch"
    assert refused(desk, FLIGHTS, format="xlsx").code == "format_mismatch"
    assert refused(desk, OLE).code == "encrypted_file"


def test_a_text_that_a_dictionary_holds_once_counts_as_often_as_it_stands(desk: Desk) -> None:
    cells = pa.DictionaryArray.from_arrays(pa.array([0, None] * 5000, pa.int32()), pa.array(["x" * (1 << 20)]))
    file = io.BytesIO()
    pq.write_table(pa.table({"a": cells}), file, compression="zstd")
    assert len(file.getvalue()) < 2000
    desk.limit(unpacked_bytes=4 << 30)
    assert refused(desk, file.getvalue()).code == "decompression_limit"
    pq.write_table(pa.table({"a": cells.slice(0, 40)}), file := io.BytesIO())
    assert desk.load(file.getvalue())["records_processed"] == 40
    assert {len(cell) for cell in desk.table().column("a").to_pylist() if cell} == {1 << 20}


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("s"), pa.date32()])
def test_a_day_beyond_the_calendar_of_datasets_keeps_its_row_out(desk: Desk, kind: pa.DataType) -> None:
    of_a_day = {"us": 86_400_000_000, "s": 86_400}.get(getattr(kind, "unit", ""), 1)
    days = [-719_163, -719_162, 2_932_896, 2_932_897, None]
    table = pa.table({"id": range(5), "at": pa.array([None if day is None else day * of_a_day for day in days], pa.int64())})
    column = table["at"].cast(pa.int32() if of_a_day == 1 else pa.int64()).combine_chunks().view(kind)
    pq.write_table(table.set_column(1, "at", column), file := io.BytesIO())
    result = desk.load(file.getvalue())
    assert [(error["row"], error["column"], error["code"]) for error in desk.errors(result)] == [
        (1, "at", "type_mismatch"),
        (4, "at", "type_mismatch"),
    ]
    assert desk.table().column("id").to_pylist() == [1, 2, 4]


@pytest.mark.parametrize("name", ["json", "xlsx"])
def test_what_krai_writes_as_an_array_or_a_sheet_it_reads_again(desk: Desk, name: str) -> None:
    table = pa.table(
        {
            "n": pa.array([1, None, -(2**53)]),
            "f": pa.array([0.1, 1e300, None]),
            "b": pa.array([True, None, False]),
            "d": pa.array([0, 18_000, None], pa.int32()).cast(pa.date32()),
            "t": pa.array([1_500_000_000_123_000, None, 0], pa.timestamp("us")),
            "i": pa.array([1_500_000_000_123_456, 0, None], pa.timestamp("us", "UTC")),
            "s": pa.array([" a_x0041_\r\n\u0001<é😀", "", None]),
        }
    )
    pq.write_table(table, file := io.BytesIO())
    desk.load(file.getvalue())
    desk.load(desk.exported(format=name), "again")
    assert desk.types("again") == desk.types()
    assert desk.table("again").to_pylist() == table.to_pylist()
