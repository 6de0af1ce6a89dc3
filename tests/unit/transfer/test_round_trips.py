"""What krai exports it imports again, with the types of the manifest's schema, to an equal table."""

import json
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.transfer.desk import Desk

DATA = (
    'id,=name,"e;f",when,instant,day,ok,exact\n'
    "1,=1+1,1.5,2020-01-31T12:00:00.000001,2020-01-31T12:00:00Z,2020-01-31,true,1.50\n"
    "-2,'=x,-0.0,,,,false,-0.01\n"
    '3,"""a;b\tc,d\r\n",1e+300,1969-12-31T23:59:59,1969-12-31T23:59:59.5Z,1900-01-01,,\n'
    "4,,,,,,,\n"
    '5,"",nan,,,,,\n'
    "6,\\N,,,,,,\n"
    "7,-5,,,,,,\n"
)
SCHEMA = {
    "id": "int64",
    "=name": "string",
    "e;f": "float64",
    "when": "timestamp",
    "instant": "timestamptz",
    "day": "date",
    "ok": "boolean",
    "exact": "decimal(10,2)",
}
SPREADSHEET = {"delimiter": ";", "null": "\\N", "profile": "spreadsheet"}
# What is asked of the export, and what the import has to be told.
ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    *(({"format": name}, {}) for name in ("csv", "ndjson", "parquet")),
    ({"format": "json"}, {}),
    ({"format": "tsv"}, {"format": "tsv"}),
    ({"csv": {"delimiter": "|", "null": "\\N"}}, {"csv": {"delimiter": "|", "null": ["\\N"]}}),
    ({"csv": {"header": False}}, {"csv": {"header": False}, "columns": {f"column_{n}": name for n, name in enumerate(SCHEMA, 1)}}),
    ({"csv": SPREADSHEET}, {"csv": {**SPREADSHEET, "null": ["\\N"]}}),
    ({"format": "tsv", "csv": {"profile": "spreadsheet"}}, {"format": "tsv", "csv": {"profile": "spreadsheet"}}),
]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize(("asked", "told"), ASKED, ids=[json.dumps(asked) for asked, _ in ASKED])
def test_what_comes_out_goes_in_again(desk: Desk, asked: dict[str, Any], told: dict[str, Any], compression: str) -> None:
    desk.load(DATA.encode(), schema=SCHEMA)
    result = desk.export(**asked, compression=compression)
    manifest = json.loads(desk.content(result["manifest"]["path"]))
    schema = {column["name"]: column["type"] for column in manifest["schema"]}
    assert schema == SCHEMA
    loaded = desk.load(desk.content(result["files"][0]["path"]), "copy", schema=schema, **told)
    assert (loaded["records_processed"], loaded["records_rejected"]) == (7, 0)
    assert spelled(desk.table("copy")) == spelled(desk.table())


@pytest.mark.parametrize("cells", [[None, None, "x"], ["x", None], ["\ufeffx", "\ufeff"], ["", None, "\ufeff"]])
def test_a_single_column_without_its_name_comes_back_whole(desk: Desk, cells: list[str | None]) -> None:
    desk.load(json.dumps([{"word": cell} for cell in cells]).encode(), schema={"word": "string"})
    file = desk.content(desk.export(format="csv", csv={"header": False})["files"][0]["path"])
    desk.load(file, "copy", csv={"header": False}, columns={"column_1": "word"}, schema={"word": "string"})
    assert desk.table("copy").to_pydict() == {"word": cells}


def test_a_name_may_begin_with_what_a_file_is_marked_by(desk: Desk) -> None:
    desk.load(b'[{"\xef\xbb\xbfid": 1}]', format="json")
    desk.load(desk.content(desk.export(format="csv")["files"][0]["path"]), "copy")
    assert desk.table("copy").to_pydict() == {"\ufeffid": [1]}


def spelled(table: pa.Table) -> list[str]:
    """NaN is NaN here, and 0.0 is not -0.0."""
    return [repr(row) for row in table.to_pylist()]
