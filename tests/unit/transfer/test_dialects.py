"""Imports of text as a request describes it: what comes into the dataset, and rejects that the same request reads once they are mended."""

import base64
import gzip
from typing import Any

import pytest

from krai.errors import Terminal
from krai.formats.zstd import Zstd
from tests.unit.transfer.desk import Desk

TEXT = 'id;name\n1;a\n2\n3;"b;c"\nx;d\n'
ROWS = {"id": [1, 3], "name": ["a", "b;c"]}


@pytest.mark.parametrize("params", [{}, {"format": "csv"}, {"csv": {"delimiter": ";"}}, {"csv": {"quote": '"', "delimiter": None}}])
def test_a_delimiter_is_found_or_said(desk: Desk, params: dict[str, Any]) -> None:
    desk.load(TEXT.encode(), schema={"id": "int64"}, **params)
    assert desk.table().to_pydict() == ROWS


def test_tsv_is_csv_with_tabs(desk: Desk) -> None:
    desk.load(b'a,b\tc\n1,2\t"3\t4"\n', format="tsv")
    assert desk.table().to_pydict() == {"a,b": ["1,2"], "c": ["3\t4"]}
    desk.load(b"one;two\n1;2\n", "semicolons", format="tsv")
    assert desk.types("semicolons") == {"one;two": "string"}


DIALECTS = {
    "semicolon": (";", '"', "utf-8"),
    "tab": ("\t", '"', "utf-8"),
    "bar in windows-1252": ("|", '"', "cp1252"),
    "apostrophe": (",", "'", "utf-8"),
    "no quotes": ("\t", None, "utf-8"),
    "utf-16": (",", '"', "utf-16"),
    "utf-16 the other way": (",", '"', "utf-16-be"),
    "shift_jis": (";", '"', "shift-jis"),
    "iso-2022-jp": (",", '"', "iso2022-jp"),
}


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("name", DIALECTS)
def test_mended_rejects_are_read_by_the_request_that_rejected_them(desk: Desk, name: str, header: bool) -> None:  # noqa: FBT001
    delimiter, quote, encoding = DIALECTS[name]
    word = {"cp1252": "é", "shift-jis": "日本", "iso2022-jp": "日本"}.get(encoding, "x")
    request: dict[str, Any] = {"csv": {"delimiter": delimiter, "quote": quote, "encoding": encoding, "header": header}, "format": "csv"}
    desk.load(b"id,name\n0,before\n")
    rows = [("1", "a"), ("bad", word), ("3",), ("4", "d")]
    text = "".join(delimiter.join(row) + "\n" for row in [("id", "name")] * header + rows)
    result = desk.load(text.encode(encoding), **request)
    assert (result["records_processed"], result["records_rejected"]) == (2, 2)
    assert [error["raw"] for error in desk.errors(result)] == [delimiter.join(("bad", word)), "3"]
    assert result["rejects"]["name"] == ("rejects.tsv" if delimiter == "\t" else "rejects.csv")
    rejects = desk.content(result["rejects"]["path"]).decode(encoding)
    assert rejects.count("\n") == 3

    again = desk.load(rejects.replace("bad", "2").encode(encoding), **request)
    assert (again["records_processed"], again["records_rejected"]) == (1, 1)
    rejects = desk.content(again["rejects"]["path"]).decode(encoding)
    mended = rejects.replace(f"{delimiter}3\n", f"{delimiter}3{delimiter}{word}\n")
    assert desk.load(mended.encode(encoding), **request)["records_rejected"] == 0
    assert desk.table().to_pydict() == {"id": [0, 1, 4, 2, 3], "name": ["before", "a", "d", word, word]}


def test_a_row_that_is_not_in_the_encoding_is_shown_with_its_own_bytes(desk: Desk) -> None:
    data = "id,name\n1,".encode("utf-16") + b"\x00\xdc" + "\n2,b\n".encode("utf-16-le")
    result = desk.load(data, csv={"encoding": "utf-16"})
    (error,) = desk.errors(result)
    assert (error["row"], error["code"], error["raw_base64"]) == (1, "invalid_utf8", True)
    assert error["detail"] == "The row is not in the encoding of the request."
    assert base64.b64decode(error["raw"]) == "1,".encode("utf-16-le") + b"\x00\xdc"
    assert "1,".encode("utf-16-le") + b"\x00\xdc" in desk.content(result["rejects"]["path"])
    assert desk.table().to_pydict() == {"id": [2], "name": ["b"]}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_wide_encoding_is_not_guessed(desk: Desk, encoding: str) -> None:
    data = "a,b\n1,2\n".encode(encoding)
    with pytest.raises(Terminal) as error:
        desk.load(data)
    assert error.value.code == "encoding_unsupported"
    desk.load(data, csv={"encoding": encoding})
    assert desk.table().to_pydict() == {"a": [1], "b": [2]}


# -- no header --------------------------------------------------------------------------------------------------------------


def test_rows_without_names_take_the_columns_of_the_dataset_in_their_order(desk: Desk) -> None:
    bare: dict[str, Any] = {"csv": {"header": False}}
    desk.load(b"1,a\n2,b\n", **bare)
    assert desk.types() == {"column_1": "int64", "column_2": "string"}
    desk.load(b"x,y\n0,z\n", mode="replace")
    desk.load(b"1,a\n", **bare)
    assert desk.table().to_pydict() == {"x": [0, 1], "y": ["z", "a"]}
    desk.load(b"a,1\n", **bare, columns={"column_1": "y", "column_2": "x"})
    assert desk.table().to_pydict() == {"x": [0, 1, 1], "y": ["z", "a", "a"]}
    desk.load(b"1,a\n", **bare, mode="replace")
    assert desk.types() == {"column_1": "int64", "column_2": "string"}


def test_rows_with_other_columns_than_the_dataset_are_rejected(desk: Desk) -> None:
    desk.load(b"x,y\n0,z\n")
    with pytest.raises(Terminal, match="All 2 rows were rejected, row 1 because of column_count"):
        desk.load(b"1,2,3\n4,5,6\n", csv={"header": False})


# -- null -------------------------------------------------------------------------------------------------------------------


def test_what_means_null_leaves_a_column_its_type(desk: Desk) -> None:
    desk.load(b"n,t\n1,NA\nNA,\n2,x\n", csv={"null": ["", "NA"]})
    assert desk.types() == {"n": "int64", "t": "string"}
    assert desk.table().to_pydict() == {"n": [1, None, 2], "t": [None, None, "x"]}
    desk.load(b"n,t\nNA,NA\n", "plain")
    assert desk.table("plain").to_pydict() == {"n": ["NA"], "t": ["NA"]}


# -- compression ------------------------------------------------------------------------------------------------------------

FRAMES = Zstd.pack(b"a\n1\n") + Zstd.pack(b"") + Zstd.pack(b"2\n")


@pytest.mark.parametrize("compression", ["auto", "zstd"])
def test_zstd_of_any_number_of_frames_is_read(desk: Desk, compression: str) -> None:
    desk.load(FRAMES, compression=compression)
    assert desk.table().to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("data", "compression", "code"),
    [
        (FRAMES[:-1], "auto", "corrupt_file"),
        (FRAMES + b"x", "auto", "corrupt_file"),
        (Zstd.pack(b"a\n" + b"1\n" * 600_000), "auto", "decompression_limit"),
        (Zstd.pack(FRAMES), "auto", "format_mismatch"),
        (Zstd.pack(gzip.compress(b"a\n1\n", mtime=0)), "auto", "format_mismatch"),
        (FRAMES, "none", "format_mismatch"),
        (FRAMES, "gzip", "format_mismatch"),
        (gzip.compress(b"a\n1\n", mtime=0), "zstd", "format_mismatch"),
        (b"a\n1\n", "zstd", "format_mismatch"),
    ],
)
def test_zstd_that_cannot_be_read_fails_with_its_reason(desk: Desk, data: bytes, compression: str, code: str) -> None:
    desk.limit(unpacked_bytes=1 << 20)
    with pytest.raises(Terminal) as error:
        desk.load(data, compression=compression)
    assert error.value.code == code
