"""Text with other marks than a comma and a quote is read as the standard library reads it, and its delimiter is found by itself."""

import csv
import io
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from krai.errors import Terminal
from krai.formats.delimiter import with_delimiter
from krai.formats.dialect import RFC_4180, Dialect
from tests.unit.formats.reading_files import csv_reader, read_csv

MARKS = "ab1.,;|'\"\n\r \t#é😀\\"
CELL = st.text(alphabet=st.sampled_from(MARKS), max_size=5)
TABLE = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=10))
DELIMITER = st.sampled_from([",", ";", "\t", "|", " ", "x", "\x01", "'"])
QUOTE = st.sampled_from(['"', "'", "x", "|"])
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])
BLOCK = st.sampled_from([1, 3, 8, 64, 4096])


@settings(max_examples=200)
@given(TABLE, DELIMITER, QUOTE, LINE_END, BLOCK)
def test_what_the_standard_library_writes_comes_back_equal(
    table: list[list[str]], delimiter: str, quote: str, line_end: str, block_bytes: int
) -> None:
    if delimiter == quote:
        return
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quotechar=quote, lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writerow([f"c{number}" for number in range(len(table[0]))])
    writer.writerows(table)
    read = read_csv(text.getvalue().encode(), Dialect(delimiter, quote), block_bytes=block_bytes)
    assert read.rejected == []
    assert [list(row) for row in read.rows] == table


@given(TABLE, st.sampled_from([";", "\t", "|"]), BLOCK)
def test_without_quotes_every_character_stands_for_itself(table: list[list[str]], delimiter: str, block_bytes: int) -> None:
    plain = [["".join(mark for mark in cell if mark not in f"{delimiter}\r\n") for cell in row] for row in table]
    text = "".join(delimiter.join(row) + "\n" for row in [[f"c{number}" for number in range(len(table[0]))], *plain])
    read = read_csv(text.encode(), Dialect(delimiter, None), block_bytes=block_bytes)
    blank = [""] if len(table[0]) > 1 else []  # what looks like a blank line is one, where a row has several cells
    assert [[cell or "" for cell in row] for row in read.rows] == [row for row in plain if row != blank]
    assert read.rejected == []


POLLUTED = st.lists(
    st.sampled_from(["1;2", "1", "1;2;3", '"a;b";c', '"a"b;c', "\udc80;x", "\0;x", ";", '"";', "#;1", "\x1a", "'a;b'"]), max_size=20
)


@given(POLLUTED, st.sampled_from([Dialect(";"), Dialect(";", None), Dialect(";", "'"), Dialect(";", header=False), Dialect("\t")]), BLOCK)
def test_rows_read_are_processed_or_rejected_in_every_dialect(lines: list[str], dialect: Dialect, block_bytes: int) -> None:
    data = "".join(line + "\n" for line in ["x;y", *lines]).encode(errors="surrogateescape")
    read = read_csv(data, dialect, block_bytes=block_bytes, columns=None if dialect.header else ["x", "y"])
    assert read.total == len(read.rows) + len(read.rejected) == len(lines) + (not dialect.header)
    assert read == read_csv(data, dialect, columns=None if dialect.header else ["x", "y"])


@pytest.mark.parametrize("long", ["x" * 40, "x;" * 20, '"' + "x\n;" * 10, "x'" * 20])
@pytest.mark.parametrize("block_bytes", [1, 7, 64])
def test_a_row_too_long_is_passed_over_where_quotes_mean_nothing(long: str, block_bytes: int) -> None:
    lines = [line for line in ["1;2", *long.split("\n"), "3;4"] if line]
    read = read_csv(
        "".join(line + "\n" for line in ["a;b", *lines]).encode(), Dialect(";", None), block_bytes=block_bytes, max_row_bytes=12
    )
    assert read.total == len(lines)
    assert (read.rows[0], read.rows[-1]) == (("1", "2"), ("3", "4"))


# -- null -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("null", "expected"),
    [
        (("",), [("NA", None), ("", "NA"), ("\\N", "n/a")]),
        (("NA",), [(None, ""), ("", "NA"), ("\\N", "n/a")]),
        (("", "NA", "\\N", "n/a"), [(None, None), ("", "NA"), (None, None)]),
        ((), [("NA", ""), ("", "NA"), ("\\N", "n/a")]),
    ],
)
def test_null_is_what_the_request_says_and_never_what_is_quoted(null: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert read_csv(b'a,b\nNA,\n"","NA"\n\\N,n/a\n', Dialect(null=null)).rows == expected


# -- no header --------------------------------------------------------------------------------------------------------------

BARE = replace(RFC_4180, header=False)


def test_columns_without_names_are_counted() -> None:
    read = read_csv(b"\xef\xbb\xbf\n1,2\n3,4\n5\n", BARE)
    assert (read.names, read.rows, read.total) == (["column_1", "column_2"], [("1", "2"), ("3", "4")], 3)
    assert [reject.code for reject in read.rejected] == ["column_count"]


def test_a_first_row_that_is_wrong_does_not_say_how_many_columns_there_are() -> None:
    read = read_csv(b'"1"x,2\n1,2,3\n4,5,6\n', BARE)
    assert (len(read.names), len(read.rows), len(read.rejected)) == (3, 2, 1)


def test_columns_take_the_names_that_are_given() -> None:
    assert read_csv(b"1,2\n", BARE, columns=["x", "y"]).names == ["x", "y"]
    read = read_csv(b"1,2\n", BARE, columns=["x", "y", "z"])
    assert [reject.code for reject in read.rejected] == ["column_count"]


def test_only_a_rejects_file_has_a_header_where_none_is_said_to_be() -> None:
    assert read_csv(b"_krai_rows,2\n3,4\n", BARE).rows == [("_krai_rows", "2"), ("3", "4")]
    data = b"_krai_row,_krai_column,_krai_code,_krai_reason,column_1\n7,,column_count,,x\n"
    assert read_csv(data, BARE).rows == [("x",)]


def test_rejects_of_a_rejects_file_without_a_header_are_read_with_theirs() -> None:
    rejects = b"_krai_row,_krai_column,_krai_code,_krai_reason,column_1,column_2\n"
    form = csv_reader(rejects + b"7,,column_count,,x\n", BARE).form
    assert form is not None
    again = form.first_line() + b"1,,column_count,,7,,column_count,,x,y\n"
    assert read_csv(again).rows == read_csv(again, BARE).rows == [("x", "y")]


def test_blank_lines_are_rows_of_the_only_column_also_before_its_first_cell() -> None:
    assert read_csv(b"\xef\xbb\xbf\n\r\nx\n\n", BARE).rows == [(None,), (None,), ("x",), (None,)]
    assert read_csv(b"\n\n", BARE, columns=["a"]).rows == [(None,), (None,)]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf"])
def test_a_file_without_a_line_is_empty_whatever_its_column_is_called(data: bytes) -> None:
    with pytest.raises(Terminal) as error:
        read_csv(data, BARE, columns=["a"])
    assert error.value.code == "empty_file"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\xef\xbb\xbf\r\n", "empty_file"),
        ("1,2\n".encode("utf-16"), "encoding_unsupported"),
        ("1,2\n".encode("utf-16-le"), "encoding_unsupported"),
        (b"," * 2000, "too_many_columns"),
        (b'1,"2', "unterminated_quote"),
    ],
)
def test_what_is_wrong_with_a_file_without_a_header(data: bytes, code: str) -> None:
    with pytest.raises(Terminal) as error:
        read_csv(data, BARE)
    assert error.value.code == code


# -- which delimiter --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        (b"a,b\n1,2\n", ","),
        (b"a;b\n1,5;2,5\n", ";"),
        (b"\xef\xbb\xbfa\tb\n1,2\t3;4\n", "\t"),
        (b"\na|b|c\n1|2|3\n", "|"),
        (b"a;b", ";"),
        (b'"a,x";b\n"1,2,3";4\n', ";"),
        (b'a;b\n"1;2\n;;";3\n4;5\n', ";"),
        (b"a,b;c\n1,2;3\n", ","),  # in doubt
        (b"a,b;c\n1;2\n3;4\n5;6\n", ";"),
        (b"note; more\nx\ny\nz\n", ","),
        (b"one\n1;2\n", ","),
        (b"one\n", ","),
        (b"", ","),
        (b"\n\n", ","),
        (b"a;b\n1;2\n1\n1;2;3\n3;4\n5;6\n", ";"),
        (b'a"b;c\n1;2\n', ";"),
        (b"_krai_row;_krai_column;a\n1\n", ";"),
    ],
)
def test_the_delimiter_is_found_by_the_header_and_the_rows(head: bytes, delimiter: str) -> None:
    assert with_delimiter(RFC_4180, head).delimiter == delimiter


@given(
    st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(st.text('ab1.\n"', max_size=4), min_size=width, max_size=width), max_size=6)),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_the_delimiter_of_any_table_is_found(table: list[list[str]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow([f"c{number}" for number in range(len(table[0]) if table else 2)])
    writer.writerows(table)
    assert with_delimiter(RFC_4180, text.getvalue().encode()).delimiter == delimiter


def test_a_delimiter_that_is_the_quote_is_not_tried() -> None:
    assert with_delimiter(Dialect(quote="|"), b"|a|;|b|\n|1|;|2|\n").delimiter == ";"


def test_names_of_columns_are_quoted_as_the_dialect_has_it() -> None:
    assert csv_reader(b"'a;''b';c\n", Dialect(";", "'")).names == ["a;'b", "c"]
    assert csv_reader(b'"a";b\n', Dialect(";", None)).names == ['"a"', "b"]
