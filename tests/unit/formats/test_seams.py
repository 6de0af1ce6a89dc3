"""Rows of text, beside the same rows put together cell by cell."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from krai.formats.seams import Column, rows_of, seams

BETWEEN = ["<", ",key:", ";", ">\n"]
CELLS = st.lists(st.one_of(st.none(), st.text("aé\n", max_size=3)), min_size=5, max_size=5)
QUOTED = st.one_of(st.booleans(), st.lists(st.booleans(), min_size=5, max_size=5))


def cell_by_cell(columns: list[tuple[list[str | None], bool | list[bool]]]) -> str:
    lines = []
    for row in range(5):
        cells = []
        for texts, quoted in columns:
            text, in_quotes = texts[row], quoted if isinstance(quoted, bool) else quoted[row]
            cells.append("NULL" if text is None else f'"{text}"' if in_quotes else text)
        lines.append("<" + cells[0] + ",key:" + cells[1] + ";" + cells[2] + ">\n")
    return "".join(lines)


@given(st.lists(st.tuples(CELLS, QUOTED), min_size=3, max_size=3))
def test_rows_are_what_they_are_cell_by_cell(columns: list[tuple[list[str | None], bool | list[bool]]]) -> None:
    laid = [
        Column(pa.array(texts, pa.string()), quoted if isinstance(quoted, bool) else np.array(quoted, np.bool_))
        for texts, quoted in columns
    ]
    assert bytes(rows_of(laid, seams(BETWEEN, null="NULL"))).decode() == cell_by_cell(columns)


@pytest.mark.parametrize("quoted", [False, True])
def test_what_lies_under_a_null_or_beyond_a_slice_is_not_written(*, quoted: bool) -> None:
    hidden = pa.Array.from_buffers(
        pa.string(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([0, 1, 7, 8], np.int32)), pa.py_buffer(b"ahiddenb")]
    )
    assert hidden.to_pylist() == ["a", None, "b"]
    text = bytes(rows_of([Column(hidden.slice(1), quoted)], seams(["", "\n"], null="-")))
    assert text == (b'-\n"b"\n' if quoted else b"-\nb\n")


def test_the_places_of_one_table_are_not_those_of_the_next() -> None:
    """They are kept for tables of as many rows, and what one has of its own must not stay in them."""
    between = seams(["", "\n"], null="-")
    for texts, rows in ((["a", None], b"a\n-\n"), (["a", "b"], b"a\nb\n"), ([None, "b"], b"-\nb\n")):
        assert bytes(rows_of([Column(pa.array(texts, pa.string()))], between)) == rows
