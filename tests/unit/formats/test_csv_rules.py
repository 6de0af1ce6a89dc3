"""What a CSV file may look like, one rule at a time."""

import numpy as np
import pytest

from krai.errors import Terminal
from krai.formats.reading import Places
from tests.unit.formats.reading_files import Rejected, csv_reader, read_csv


def rows(data: bytes) -> list[tuple[str | None, ...]]:
    read = read_csv(data)
    assert read.rejected == []
    return read.rows


def test_an_empty_cell_is_null_and_two_quotes_are_the_empty_text() -> None:
    assert rows(b'a,b\n,""\n') == [(None, "")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_may_end_in_any_way(end: bytes) -> None:
    assert rows(end.join([b"a,b", b"1,2", b"3,4", b""])) == [("1", "2"), ("3", "4")]


def test_lines_may_end_in_several_ways_in_one_file() -> None:
    assert rows(b"a,b\r1,2\r\n3,4\n5,6") == [("1", "2"), ("3", "4"), ("5", "6")]


def test_the_last_line_is_kept_without_its_end() -> None:
    assert rows(b"a,b\n1,2\n3,4") == [("1", "2"), ("3", "4")]


def test_blank_lines_are_skipped() -> None:
    assert rows(b"\n\na,b\n\n1,2\n\r\n\n3,4\n\n") == [("1", "2"), ("3", "4")]


def test_in_a_file_of_one_column_a_blank_line_is_a_null() -> None:
    assert rows(b"a\n1\n\n3\n") == [("1",), (None,), ("3",)]


def test_the_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert csv_reader(b"\xef\xbb\xbfa,b\n1,2\n").names == ["a", "b"]


def test_a_hash_begins_no_comment() -> None:
    assert rows(b"a,b\n#1,x\n") == [("#1", "x")]


def test_blanks_belong_to_their_cells() -> None:
    assert rows(b"a,b\n 1 ,\tx\n") == [(" 1 ", "\tx")]


def test_quoted_cells_may_hold_delimiters_line_ends_and_doubled_quotes() -> None:
    assert rows(b'a,"b,c"\n"1\r\n2","say ""hi"""\n') == [("1\r\n2", 'say "hi"')]
    assert csv_reader(b'a,"b,""c"\n').names == ["a", 'b,"c']


def test_columns_of_a_rejects_file_are_left_out_even_twice() -> None:
    read = read_csv(b"_krai_row,_krai_code,_krai_row,a\n7,column_count,8,x\n")
    assert (read.names, read.rows) == (["a"], [("x",)])


def test_what_is_wrong_with_a_name_is_said_by_its_place_in_the_file() -> None:
    for data in (b"_krai_row,a,_krai_row_\n", b"_krai_row,a,a\n", b"_krai_row,a,\n"):
        with pytest.raises(Terminal, match=r"\b[Cc]olumn 3\b"):
            csv_reader(data)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (b"1", "column_count"),
        (b"1,2,3", "column_count"),
        (b"\x1a", "column_count"),
        (b'"a"b,2', "bad_quote"),
        (b'"a" ,2', "bad_quote"),
        (b'5" pipe,2', "bad_quote"),
        (b"a\0b,2", "control_character"),
        (b"\xff,2", "invalid_utf8"),
        (b"\xc0\x80,2", "invalid_utf8"),
        (b"caf\xe9,2", "invalid_utf8"),
        (b"x" * 2000 + b",2", "row_too_large"),
        (b'"' + b"x\n" * 1000 + b'",2', "row_too_large"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 7, 1 << 20])
def test_a_bad_row_is_rejected_as_it_came_and_its_neighbours_are_imported(row: bytes, code: str, block_bytes: int) -> None:
    read = read_csv(b"a,b\nbefore,1\n" + row + b'\nafter,"3"\n"",\n', block_bytes=block_bytes, max_row_bytes=1000)
    assert read.rows == [("before", "1"), ("after", "3"), ("", None)]
    ((number, found, raw),) = read.rejected
    assert (number, found) == (2, code)
    assert row.startswith(raw) if code == "row_too_large" else raw == row


def test_a_row_with_several_faults_has_the_gravest_as_its_reason() -> None:
    assert read_csv(b'a,b\n\xff"\0\n').rejected == [Rejected(1, "bad_quote", b'\xff"\0')]
    assert read_csv(b"a,b\n\xff\0\n").rejected == [Rejected(1, "control_character", b"\xff\0")]


def test_reading_goes_on_at_the_line_end_after_a_bad_quote() -> None:
    read = read_csv(b'a,b\n1,"x\n2,"y"\n3,z\n')
    assert read.rejected == [Rejected(1, "bad_quote", b'1,"x\n2,"y"')]
    assert read.rows == [("3", "z")]


@pytest.mark.parametrize("block_bytes", [3, 1 << 20])
@pytest.mark.parametrize(
    ("data", "line"), [(b'a,b\n1,2\n3,"4\n5,6\n', 3), (b'a,b\r\n"x\r\ny",1\r\n2,"', 4), (b'a,b\n1,"' + b"x" * 5000, 2), (b'a,"b\n', 1)]
)
def test_a_quote_that_is_never_closed_fails_the_file_and_is_named(data: bytes, line: int, block_bytes: int) -> None:
    with pytest.raises(Terminal, match=f"line {line} is never closed") as error:
        read_csv(data, block_bytes=block_bytes, max_row_bytes=1000)
    assert error.value.code == "unterminated_quote"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"\n\r\n", "empty_file"),
        (b"_krai_row\n1\n", "empty_file"),
        (b"a,b,a\n", "duplicate_column"),
        (b"_krai_a,b\n", "reserved_column"),
        (b"_krai_row,_krai_raw\n", "reserved_column"),
        (b"a,,b\n", "empty_column_name"),
        (b'a,""\n', "empty_column_name"),
        (b"x" * 256 + b"\n", "column_name_too_long"),
        (b",".join(b"c%d" % n for n in range(1001)), "too_many_columns"),
        (b"x" * (2 << 20), "row_too_large"),
        (b'a"b"\n', "bad_quote"),
        (b"caf\xe9\n", "encoding_unsupported"),
        ("a,b\n1,2\n".encode("utf-16"), "encoding_unsupported"),
        ("a,b\n1,2\n".encode("utf-16-le"), "encoding_unsupported"),
        ("a,b\n1,2\n".encode("utf-32"), "encoding_unsupported"),
    ],
)
def test_a_file_without_a_usable_header_cannot_be_imported(data: bytes, code: str) -> None:
    with pytest.raises(Terminal) as error:
        csv_reader(data)
    assert error.value.code == code


def test_a_header_alone_is_a_file_of_no_rows() -> None:
    assert read_csv(b"a,b").total == 0


def test_whole_rows_can_be_traced_to_their_place_and_bytes() -> None:
    reader = csv_reader(b'a,b\n1,x\nbad\n\n2,"y\nz"\r\n3,w\n')
    (block,) = reader.blocks()
    (parsed,) = reader.parse(block)
    assert parsed.whole == 3
    assert list(parsed.trace(places_of(0, 1, 2))) == [(0, b"1,x"), (2, b'2,"y\nz"'), (3, b"3,w")]


def places_of(*places: int) -> Places:
    return np.array(places, dtype=np.int64)
