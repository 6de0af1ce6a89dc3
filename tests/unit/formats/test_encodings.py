"""Text in another encoding is read as what it says; a row that is not in it is rejected with its own bytes, and no other."""

import io
from typing import BinaryIO, cast

import pytest
from hypothesis import given, strategies as st

from krai.errors import Terminal
from krai.formats.delimited import CsvReader
from krai.formats.dialect import RFC_4180
from krai.formats.encodings import Utf8, original, with_order
from krai.text_encodings import find_encoding
from tests.unit.formats.reading_files import FileRead, read_all

SINGLE = ["iso8859-1", "cp1252", "cp037", "koi8-r", "mac-roman"]
MANY = ["shift-jis", "euc-jp", "gb18030", "big5", "euc-kr", "iso2022-jp", "utf-16-le", "utf-16-be", "utf-32-le", "cp932"]


def read(data: bytes, encoding: str, block_bytes: int = 1 << 20) -> tuple[FileRead, CsvReader]:
    reader = CsvReader(
        lambda: cast("BinaryIO", Utf8(io.BytesIO(data), encoding)),
        RFC_4180,
        max_row_bytes=1000,
        max_columns=10,
        max_name_bytes=255,
        block_bytes=block_bytes,
        encoding=encoding,
    )
    return read_all(reader), reader


@pytest.mark.parametrize("encoding", [*SINGLE, *MANY])
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 64])
def test_text_of_any_encoding_is_read(encoding: str, block_bytes: int) -> None:
    letters = next(letters for letters in ("é", "я", "日本", "中", "한", "x") if can(letters, encoding))
    found, _ = read(f"a,{letters}\n1,{letters}{letters}\n".encode(encoding), encoding, block_bytes)
    assert (found.names, found.rows, found.rejected) == (["a", letters], [("1", letters * 2)], [])


@pytest.mark.parametrize(
    ("encoding", "row"),
    [
        ("cp1252", b"\x81,2"),
        ("ascii", b"caf\xe9,2"),
        ("shift-jis", b"\x81,2"),
        ("shift-jis", b"2,\xff"),
        ("euc-jp", b"2,\xa4"),
        ("gb18030", b"\xff,\x80"),
        ("utf-16-le", b"\x00\xdc" + ",2".encode("utf-16-le")),
        ("utf-16-be", b"\xd8\x00" + ",2".encode("utf-16-be")),
        ("utf-32-le", b"\0\0\x11\0" + ",2".encode("utf-32-le")),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 5, 64])
def test_a_row_that_is_not_in_the_encoding_is_rejected_and_its_bytes_are_kept(encoding: str, row: bytes, block_bytes: int) -> None:
    data = "a,b\n1,2\n".encode(encoding) + row + "\n3,4\n".encode(encoding)
    found, reader = read(data, encoding, block_bytes)
    assert found.rows == [("1", "2"), ("3", "4")]
    ((number, code, raw),) = found.rejected
    assert (number, code) == (2, "invalid_utf8")
    assert reader.form is not None
    assert reader.form.original(raw) == row


def test_a_file_that_ends_within_a_character_keeps_its_last_bytes() -> None:
    found, reader = read("a,b\n1,2\n3,4".encode("utf-16-le") + b"\x35", "utf-16-le")
    assert [(reject.row, reject.code) for reject in found.rejected] == [(2, "invalid_utf8")]
    assert reader.form is not None
    assert reader.form.original(found.rejected[0].raw).startswith("3,4".encode("utf-16-le"))


@given(st.binary(max_size=60), st.sampled_from([*SINGLE, *MANY]), st.sampled_from([1, 4, 1 << 20]))
def test_any_bytes_are_read_the_same_in_any_pieces(data: bytes, encoding: str, size: int) -> None:
    assert decoded(data, encoding, size) == decoded(data, encoding, 1000)


@given(st.text(max_size=20), st.binary(max_size=4), st.sampled_from(["utf-16-le", "gb18030", "utf-32-be"]))
def test_what_was_decoded_can_be_had_back(text: str, junk: bytes, encoding: str) -> None:
    text = text.encode(errors="ignore").decode()
    assert original(text.encode(), encoding) == text.encode(encoding)
    kept = original(decoded(junk, "cp1252", 1), "cp1252")
    assert kept == junk


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("latin-1", "iso8859-1"),
        ("Windows-1252", "cp1252"),
        ("UTF8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("UTF_16", "utf-16"),
        ("shift_jis", "shift-jis"),
        ("base64", None),
        ("rot13", None),
        ("rot_13", None),
        ("hex", None),
        ("zlib", None),
        ("bz2", None),
        ("uu", None),
        ("quopri", None),
        ("idna", None),
        ("punycode", None),
        ("unicode_escape", None),
        ("raw_unicode_escape", None),
        ("undefined", None),
        ("utf-7", None),
        ("mbcs", None),
        ("aliases", None),
        ("os", None),
        ("../os", None),
        ("", None),
        ("\0", None),
        ("no such", None),
    ],
)
def test_an_encoding_is_one_of_text(name: str, found: str | None) -> None:
    assert find_encoding(name) == found


@pytest.mark.parametrize(
    ("encoding", "head", "found"),
    [
        ("utf-16", "a".encode("utf-16"), "utf-16-le"),
        ("utf-16", b"\xfe\xff\0a", "utf-16-be"),
        ("utf-16", b"a\0", "utf-16-le"),
        ("utf-32", b"\0\0\xfe\xff", "utf-32-be"),
        ("utf-32", b"", "utf-32-le"),
        ("utf-16-be", b"\xfe\xff", "utf-16-be"),
        ("utf-32-le", b"\xff\xfe\0\0", "utf-32-le"),
        ("cp1252", b"\xff\xfe", "cp1252"),
    ],
)
def test_the_order_of_bytes_is_told_by_the_mark(encoding: str, head: bytes, found: str) -> None:
    assert with_order(encoding, head) == found


def decoded(data: bytes, encoding: str, size: int) -> bytes:
    file, pieces = Utf8(io.BytesIO(data), encoding), []
    while piece := file.read(size):
        pieces.append(piece)
    return b"".join(pieces)


def can(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("encoding", "head"),
    [
        ("utf-16-le", b"\xfe\xff\0a"),
        ("utf-16-be", b"\xff\xfea\0"),
        ("utf-16", "a".encode("utf-32")),
        ("utf-32", "a".encode("utf-16")),
        ("utf-32-le", b"\0\0\xfe\xff"),
        ("utf-16-le", b"\xef\xbb\xbfa"),
    ],
)
def test_a_mark_of_another_encoding_is_not_read_as_text(encoding: str, head: bytes) -> None:
    with pytest.raises(Terminal, match=f"the request says {encoding}") as error:
        with_order(encoding, head)
    assert error.value.code == "encoding_unsupported"
