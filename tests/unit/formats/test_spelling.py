"""A look at the octets of cells says yes only where writing their values out again gives the same cells."""

import itertools
import re

import pyarrow as pa
import pytest

from krai.formats.infer import exact_float
from krai.formats.spelling import are_plain_booleans, are_plain_integers, are_sure_decimals

PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
INTEGERS = ["0", "7", "-7", "10", "9223372036854775807", "-9223372036854775808"]
OTHER_INTEGERS = ["-0", "007", "00", "-07", "0x1F", "0X1F"]
DECIMALS = ["0.5", "-0.5", "1.50", "694.61", "-0.0", "10.0", "0.00001", "1.23456789012345", "12", "-3", "0", "123456789012345"]
OTHER_DECIMALS = [
    "00.5",
    "-00.5",
    "01.5",
    "-0",
    "012",
    "1e5",
    "1E-5",
    "nan",
    "inf",
    "-inf",
    ".5",
    "-.5",
    "5.",
    "-5.",
    "1.0e5",
    "1.234567890123456",
]
BOOLEANS = ["true", "false"]
OTHER_BOOLEANS = ["True", "FALSE", "tRue", "1", "0"]


def text_of(cells: list[str | None]) -> pa.Array:
    """With a cell in front that is cut off, and one behind."""
    return pa.array(["x", *cells, "00."], pa.string()).slice(1, len(cells))


def arrangements(cell: str, good: list[str]) -> list[list[str | None]]:
    return [[cell], [good[0], cell], [cell, good[1]], [None, good[0], None, cell, good[1], None]]


@pytest.mark.parametrize("cell", INTEGERS)
def test_integers_as_they_are_written(cell: str) -> None:
    for cells in arrangements(cell, INTEGERS):
        assert are_plain_integers(text_of(cells))


@pytest.mark.parametrize("cell", OTHER_INTEGERS)
def test_integers_in_another_way(cell: str) -> None:
    for cells in arrangements(cell, INTEGERS):
        assert not are_plain_integers(text_of(cells))


@pytest.mark.parametrize("cell", DECIMALS)
def test_decimals_that_a_double_keeps(cell: str) -> None:
    assert PLAIN.fullmatch(cell)
    assert exact_float(cell)
    for cells in arrangements(cell, DECIMALS):
        assert are_sure_decimals(text_of(cells))


@pytest.mark.parametrize("cell", [*OTHER_DECIMALS, "9007199254740993", "-900719925474099"])
def test_decimals_that_need_a_longer_look(cell: str) -> None:
    for cells in arrangements(cell, DECIMALS):
        assert not are_sure_decimals(text_of(cells))


def test_all_short_numbers() -> None:
    """Whatever Arrow reads as a number of at most four characters."""
    for length in range(1, 5):
        for characters in itertools.product("-.09", repeat=length):
            cell = "".join(characters)
            text = text_of([cell])
            try:
                text.cast(pa.float64())
            except pa.ArrowInvalid:
                continue
            assert are_sure_decimals(text) == (PLAIN.fullmatch(cell) is not None and cell != "-0"), cell


@pytest.mark.parametrize("cell", BOOLEANS)
def test_booleans_as_they_are_written(cell: str) -> None:
    for cells in arrangements(cell, BOOLEANS):
        assert are_plain_booleans(text_of(cells))


@pytest.mark.parametrize("cell", OTHER_BOOLEANS)
def test_booleans_in_another_way(cell: str) -> None:
    for cells in arrangements(cell, BOOLEANS):
        assert not are_plain_booleans(text_of(cells))


@pytest.mark.parametrize(("cell", "sure"), [("1.5", True), ("-.5", False)])
def test_what_lies_beneath_a_null_does_not_matter(cell: str, sure: bool) -> None:  # noqa: FBT001 (a case)
    offsets = pa.array([0, 3, 4, 5], pa.int32()).buffers()[1]
    text = pa.Array.from_buffers(pa.string(), 3, [pa.py_buffer(b"\x01"), offsets, pa.py_buffer(cell.encode() + b"--")], null_count=2)
    assert text.to_pylist() == [cell, None, None]
    assert are_sure_decimals(text) == sure
