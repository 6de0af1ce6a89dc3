"""A CSV file is read the same however it is cut into blocks, like the standard library reads it, and no row is ever lost."""

import csv
import io
import time

import pytest
from hypothesis import given, settings, strategies as st

from krai.errors import Terminal
from krai.formats.dialect import RFC_4180
from krai.formats.quotes import cut
from tests.unit.formats.reading_files import read_csv

CELL = st.text(alphabet=st.sampled_from('ab1.,"\n\r \t#é😀'), max_size=6)
TABLE = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=12))
BLOCK = st.sampled_from([1, 2, 3, 5, 8, 13, 64, 4096])
LINE_END = st.sampled_from(["\n", "\r\n", "\r"])


@given(TABLE, BLOCK, LINE_END, st.sampled_from(["all", "needed"]))
def test_what_is_well_formed_is_read_as_the_standard_library_reads_it(
    table: list[list[str]], block_bytes: int, line_end: str, quoting: str
) -> None:
    width = len(table[0]) if table else 2
    header = [f"c{number}" for number in range(width)]
    text = "".join(",".join(spell(cell, quoted=quoting == "all") for cell in row) + line_end for row in [header, *table])
    # A blank line is a row only where there is a single column; the standard library knows none.
    lines = [row or [""] for row in csv.reader(io.StringIO(text, newline="")) if row or width == 1]
    expected = [[cell or None for cell in row] for row in lines[1:]]
    data = text.encode()

    read = read_csv(data, block_bytes=block_bytes)

    assert read.rejected == []
    assert [[cell or None for cell in row] for row in read.rows] == expected


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from([b"a", b"1", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\0", b"\xff", b"\xc3\xa9", b" "]), max_size=40), BLOCK
)
def test_any_bytes_at_all_are_read_the_same_in_any_blocks(pieces: list[bytes], block_bytes: int) -> None:
    data = b"x,y\n" + b"".join(pieces)
    assert outcome(data, block_bytes) == outcome(data, 1 << 20)


@given(st.lists(st.sampled_from([b"1,2", b'"a","b"', b'"a\nb",', b",", b'"",""', b"1", b"1,2,3", b'a"b,c', b'"a"b,c', b"\xff,", b"\0,"])))
def test_every_row_is_imported_or_rejected(lines: list[bytes]) -> None:
    read = read_csv(b"x,y\n" + b"".join(line + b"\n" for line in lines))
    assert read.total == len(read.rows) + len(read.rejected) == len(lines)
    good = {b"1,2", b'"a","b"', b'"a\nb",', b",", b'"",""'}
    assert [reject.raw for reject in read.rejected] == [line for line in lines if line not in good]
    assert [reject.row for reject in read.rejected] == [number for number, line in enumerate(lines, start=1) if line not in good]


LINES = [b'a"b', b'"a"b', b'a,"', b'"', b'"a\nb",c', b'"a,b', b'"",""', b'""b,"', b"1,2", b"", b"\r", b'"a\r"b']


@settings(max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(LINES), LINE_END.map(str.encode)), min_size=10, max_size=60), st.sampled_from([1, 7, 64]))
def test_bad_lines_that_follow_one_another_are_told_apart_as_one_alone_is(lines: list[tuple[bytes, bytes]], block_bytes: int) -> None:
    data = b"x,y\n" + b"".join(line + end for line, end in lines)
    assert outcome(data, block_bytes) == outcome(data, 1 << 20)


@pytest.mark.parametrize("shift", range(6))
def test_bad_lines_end_with_their_line_end_wherever_many_are_looked_at_in_one_go(shift: int) -> None:
    found = cut(b'a"b\r\n' + b"x" * shift + b'a"b\r\n' * 15_000, RFC_4180, final=False)
    ends = [5, *range(shift + 10, shift + 75_010, 5)]
    assert found.bad.tolist() == [list(span) for span in zip([0, *ends], ends, strict=False)]
    assert found.end == shift + 75_005


def test_a_file_of_bad_lines_costs_little() -> None:
    data = b'a"b\n' * (1 << 18)
    begun_s = time.process_time()
    assert len(cut(data, RFC_4180, final=True).bad) == 1 << 18
    assert time.process_time() - begun_s < 1, "it was 4 s when each was looked for alone"


PIECE = st.sampled_from(["x", "xx", '""', ",", "\n", "\r\n", ',""'])


@given(st.lists(PIECE, min_size=15, max_size=40), st.lists(PIECE, max_size=5), st.sampled_from([1, 2, 3, 5, 16, 64]), st.booleans())
def test_a_row_that_is_too_long_is_passed_over_to_its_end(long: list[str], short: list[str], block_bytes: int, long_first: bool) -> None:  # noqa: FBT001
    cells = [f'"{"".join(long)}"', f'"{"".join(short)}"']
    row = ",".join(cells if long_first else reversed(cells))
    read = read_csv(f"a,b\n1,2\n{row}\n3,4\n".encode(), block_bytes=block_bytes, max_row_bytes=12)
    assert read.rows == [("1", "2"), ("3", "4")]
    assert [(reject.row, reject.code) for reject in read.rejected] == [(2, "row_too_large")]


def spell(cell: str, *, quoted: bool) -> str:
    return '"' + cell.replace('"', '""') + '"' if quoted or any(mark in cell for mark in ',"\r\n') else cell


def outcome(data: bytes, block_bytes: int) -> object:
    try:
        return read_csv(data, block_bytes=block_bytes)
    except Terminal as error:
        return error.code, error.detail
