"""Rows that stay out are kept as they came, can be looked at page by page, and can be mended and imported."""

import base64
import json

import pytest

from krai.errors import Terminal
from tests.unit.transfer.desk import Desk

POLLUTED = b'id,name\n1,a\n2\n3,"b"x\n4,c\n5,\xff\n6,"d,\n""d"""\n'


def test_rows_read_are_imported_or_rejected(desk: Desk) -> None:
    result = desk.load(POLLUTED)
    assert (result["records_processed"], result["records_rejected"]) == (3, 3)
    assert desk.table().to_pydict() == {"id": [1, 4, 6], "name": ["a", "c", 'd,\n"d"']}
    assert result["rejects"]["records"] == 3


def test_the_rejects_of_csv_are_csv_with_the_rows_as_they_came(desk: Desk) -> None:
    result = desk.load(b'id,"na""me"\r\n' + POLLUTED.split(b"\n", 1)[1])
    content = desk.content(result["rejects"]["path"])
    assert len(content) == result["rejects"]["size_bytes"]
    desk.tools.blobs.open(result["rejects"]["path"], generation=result["rejects"]["generation"]).close()
    assert content == (
        b'_krai_row,_krai_column,_krai_code,_krai_reason,id,"na""me"\n'
        b'2,,column_count,"The row has 1 cells, the header has 2.",2\n'
        b'3,,bad_quote,A quote stands where none may.,3,"b"x\n'
        b"5,,invalid_utf8,The row is not UTF-8.,5,\xff\n"
    )


def test_a_mended_rejects_file_imports(desk: Desk) -> None:
    desk.load(b"id,name\n1,a\n")
    result = desk.load(b"id,name\nx,b\n3,c\n4\n")
    mended = desk.content(result["rejects"]["path"]).replace(b"x,b", b"2,b").replace(b",4\n", b",4,d\n")
    assert desk.load(mended)["records_rejected"] == 0
    assert desk.table().to_pydict() == {"id": [1, 3, 2, 4], "name": ["a", "c", "b", "d"]}


def test_a_digit_between_cells_is_no_part_of_the_row_s_number(desk: Desk) -> None:
    csv = {"delimiter": "1"}
    result = desk.load(b"a1b\nx1y\n" + b"z\n" * 10, csv=csv)
    mended = desk.content(result["rejects"]["path"]).replace(b"1z\n", b"1z1w\n")
    assert desk.load(mended, csv=csv)["records_rejected"] == 0
    assert desk.table().to_pydict() == {"a": ["x", *"z" * 10], "b": ["y", *"w" * 10]}


def test_the_rejects_of_rejects_can_be_mended_too(desk: Desk) -> None:
    desk.load(b"id\n1\n")
    once = desk.content(desk.load(b"id\nx\n2\n")["rejects"]["path"])
    twice = desk.content(desk.load(once + once.split(b"\n")[1].replace(b",x", b",3") + b"\n")["rejects"]["path"])
    desk.load(twice.replace(b",x\n", b",4\n"))
    assert desk.table().column("id").to_pylist() == [1, 2, 3, 4]


def test_the_rejects_of_ndjson_are_ndjson_and_a_mended_one_imports(desk: Desk) -> None:
    desk.load(b'{"id":1}\n')
    result = desk.load(b'{"id":"x"}\n{"id":2}\nnope\n{"id":\xff}\n')
    assert result["rejects"]["name"] == "rejects.ndjson"
    lines = [json.loads(line) for line in desk.content(result["rejects"]["path"]).splitlines()]
    assert [(line["_krai_row"], line["_krai_column"], line["_krai_code"]) for line in lines] == [
        (1, "id", "type_mismatch"),
        (3, None, "malformed_json"),
        (4, None, "invalid_utf8"),
    ]
    assert [line["_krai_raw"] for line in lines] == ['{"id":"x"}', "nope", base64.b64encode(b'{"id":\xff}').decode()]
    lines[0]["_krai_raw"], lines[1]["_krai_raw"] = '{"id":3}', '{"id":4}'
    again = desk.load("\n".join(map(json.dumps, lines)).encode())
    assert again["records_rejected"] == 1
    assert desk.table().column("id").to_pylist() == [1, 2, 3, 4]


def test_errors_come_in_pages(desk: Desk) -> None:
    rows = "".join("bad\n" if number % 2 else f"{number},x\n" for number in range(4500))
    result = desk.load(b"a,b\n" + rows.encode())
    errors = desk.errors(result)
    assert [entry["row"] for entry in errors] == list(range(2, 4501, 2))
    assert errors[0] == {"row": 2, "column": None, "code": "column_count", "detail": "The row has 1 cells, the header has 2.", "raw": "bad"}


def test_a_page_shows_the_beginning_of_a_long_row_and_base64_of_one_that_is_no_text(desk: Desk) -> None:
    row = b"x" + "é".encode() * 3000
    result = desk.load(b"a,b\n1,2\n" + row + b"\n\xff\xfe\n")
    long, no_text = desk.errors(result)
    assert long["raw_cut"]
    assert long["raw"] == "x" + "é" * 2047  # of the character that the cut goes through nothing is left
    assert (no_text["raw"], no_text["raw_base64"]) == (base64.b64encode(b"\xff\xfe").decode(), True)
    assert row in desk.content(result["rejects"]["path"])


def test_when_no_row_is_left_the_job_fails_and_the_rejects_are_kept(desk: Desk) -> None:
    with pytest.raises(Terminal, match="All 2 rows were rejected, row 1 because of column_count") as error:
        desk.load(b"a,b\n1\n2\n")
    assert error.value.code == "too_many_rejects"
    assert [blob.path.rpartition("/")[2] for blob in desk.tools.blobs.list("jobs/")] == ["errors.json", "rejects.csv"]


def test_rejects_of_a_file_that_is_read_twice_are_there_once(desk: Desk) -> None:
    desk.limit(block_bytes=64)
    data = "a,b\n" + "1,1\nbad\n" * 50 + "x,1\n" + "1,1\nbad\n" * 50
    result = desk.load(data.encode())
    assert desk.types() == {"a": "string", "b": "int64"}
    assert (result["records_processed"], result["records_rejected"]) == (101, 100)
    assert [entry["row"] for entry in desk.errors(result)] == [*range(2, 101, 2), *range(103, 202, 2)]
    assert len(desk.content(result["rejects"]["path"]).splitlines()) == 101
