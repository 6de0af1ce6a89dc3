"""Which type a column of text gets, and what fits into a type that is given."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from krai.errors import Terminal
from krai.formats.cells import TextCells
from krai.formats.fit import fit_text
from krai.formats.floats import float_text
from krai.formats.infer import join, narrowest, settled
from krai.formats.types import ARROW, arrow_type, type_name


def inferred(*cells: str | None) -> str:
    return settled(narrowest(pa.array(cells, pa.string()))[0])


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1", "-2", "9223372036854775807", None), "int64"),
        (("0",), "int64"),
        (("9223372036854775808", "1", None), "decimal(38,0)"),
        (("1", "-" + "9" * 38), "decimal(38,0)"),
        (("true", "false"), "boolean"),
        (("1.5", "-0.25", "100.00"), "float64"),
        (("1.5", "2"), "float64"),
        (("1e+20", "0.5"), "float64"),
        (("0.123456789012345", "12345678901.123"), "float64"),
        (("2020-01-31", "1999-12-31"), "date"),
        (("2020-01-31T12:00:00", "2020-01-31 12:00:00.25"), "timestamp"),
        (("2020-01-31T12:00:00Z", "2020-01-31T12:00:00.5+02:00"), "timestamptz"),
        ((None, None), "string"),
    ],
)
def test_a_column_gets_the_narrowest_type_that_keeps_all_its_cells(cells: tuple[str | None, ...], expected: str) -> None:
    assert inferred(*cells) == expected


@pytest.mark.parametrize(
    "cell",
    [
        *("007", "+1", " 1", "1 ", "-0", "0x1F", "1_0", "00", "0" + "9" * 20, "9" * 39, "1E20", "-" + "1" * 39),
        *("1e5", "1E5", "NA", "NULL", "nan", "inf", "-inf", "Infinity", ".5", "5.", "00.5", "+1.5", "1e400", "1,5"),
        *("0.12345678901234567890", "123456789012345678.5", "TRUE", "True", "t", "yes", ""),
        *(
            "2020-02-30",
            "2020-1-1",
            "0000-01-01",
            "0000-12-31T00:00:00",
            "0001-01-01T00:00:00+01:00",
            "2020-01-31T12:00",
            "2020-01-31T24:00:00",
            "2020-01-31T12:00:00.1234567",
        ),
        *("31.01.2020", "2020-01-31T12:00:00 UTC", "0000-00-00"),
    ],
)
def test_a_cell_that_would_not_come_out_as_it_went_in_keeps_its_column_text(cell: str) -> None:
    assert inferred(cell) == "string"


@pytest.mark.parametrize(
    "cells",
    [
        ("1", "x"),
        ("1", "true"),
        ("1.5", "9007199254740993"),
        ("1.5", "9223372036854775808"),
        ("9223372036854775808", "1.5"),
        ("1e+20", "9223372036854775808"),
        ("9007199254740993", "1.5"),
        ("2020-01-31", "2020-01-31T12:00:00"),
        ("2020-01-31T12:00:00", "2020-01-31T12:00:00Z"),
        ("1", ""),
        ("1.5", "007"),
    ],
)
def test_cells_of_different_kinds_make_a_column_text(cells: tuple[str, ...]) -> None:
    assert inferred(*cells) == "string"


CELLS = st.sampled_from(
    [
        None,
        "1",
        "-7",
        "9007199254740993",
        "9223372036854775808",
        "9" * 38,
        "9" * 39,
        "1.5",
        "2.50",
        "1e+20",
        "1e5",
        "true",
        "2020-01-31",
        "2020-01-31T12:00:00",
        "x",
        "",
        "007",
        "-0",
    ]
)


@given(st.lists(CELLS, max_size=8), st.lists(CELLS, max_size=8))
def test_the_type_of_a_column_does_not_depend_on_where_it_is_cut(one: list[str | None], other: list[str | None]) -> None:
    parts = join(narrowest(pa.array(one, pa.string()))[0], narrowest(pa.array(other, pa.string()))[0])
    assert settled(parts) == inferred(*one, *other)


@given(
    st.lists(CELLS, max_size=8), st.sampled_from([None, "null", "whole", "int64", "decimal(38,0)", "float64", "boolean", "date", "string"])
)
def test_what_is_expected_changes_nothing_but_the_order_in_which_types_are_tried(cells: list[str | None], expected: str | None) -> None:
    column = TextCells(pa.array(cells, pa.string()))
    shown, typed = column.observe(expected)
    plain, _ = column.observe(None)
    assert join(shown, expected or "null") == join(plain, expected or "null")
    assert typed.type == (arrow_type(settled(shown)) if shown != "null" else typed.type)
    assert typed.null_count == cells.count(None)


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1))
def test_floats_come_back_from_their_text(numbers: list[float | None]) -> None:
    text = float_text(pa.array(numbers, pa.float64()))
    shown, typed = narrowest(text)
    assert shown == ("null" if set(numbers) == {None} else "float64")
    assert list(map(repr, typed.to_pylist())) == list(map(repr, numbers))


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int64", {"007": 7, "-1": -1, "9223372036854775807": 2**63 - 1}, ["", "1.0", "x", "9223372036854775808", " 1", "0x1F", "1e3"]),
        (
            "float64",
            {
                "1": 1.0,
                "1e5": 1e5,
                ".5": 0.5,
                "5.": 5.0,
                "-inf": float("-inf"),
                "0.12345678901234568": 0.12345678901234568,
                "5e-324": 5e-324,
            },
            ["1e400", "", "1,5", "0x1", "0.1234567890123456789", "9007199254740993", "1e-400", "3e-324"],
        ),
        ("decimal(5,2)", {"1.5": Decimal("1.50"), "-999.99": Decimal("-999.99"), "1e2": Decimal(100)}, ["1.234", "1000", "x", ""]),
        ("boolean", {"true": True, "FALSE": False, "1": True}, ["yes", "2", ""]),
        ("date", {"2020-02-29": date(2020, 2, 29)}, ["2021-02-29", "29.02.2020", "2020-02-29T00:00:00", "0000-02-01"]),
        (
            "timestamp",
            {"2020-02-29": datetime.fromisoformat("2020-02-29"), "2020-02-29 12:30": datetime.fromisoformat("2020-02-29 12:30")},
            ["2020-02-29T12:30:00Z", "now"],
        ),
        ("binary", {"AP8=": b"\x00\xff", "": b""}, ["AP8", "é"]),
        ("string", {"": "", "x": "x"}, []),
    ],
)
def test_what_fits_a_given_type_is_read_and_what_does_not_is_named(kind: str, good: dict[str, object], bad: list[str]) -> None:
    cells = [None, *good, *bad, *good]
    typed, misfit = fit_text(pa.array(cells, pa.string()), arrow_type(kind))
    assert typed.type == arrow_type(kind)
    assert typed.to_pylist() == [None, *good.values(), *[None] * len(bad), *good.values()]
    named = [] if misfit is None else [cell for cell, wrong in zip(cells, misfit, strict=True) if wrong]
    assert named == bad


def test_a_float_that_need_not_be_exact_is_the_one_next_to_the_number() -> None:
    typed, misfit = fit_text(pa.array(["9007199254740993", "1e-400", "1e400"]), pa.float64(), exact=False)
    assert typed.to_pylist() == [9007199254740992.0, 0.0, None]
    assert misfit is not None
    assert misfit.tolist() == [False, False, True]


@given(st.lists(st.from_regex(r"\A-?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,4})?\Z"), min_size=1, max_size=5))
def test_a_text_is_the_float_that_says_the_same_number(cells: list[str]) -> None:
    typed, misfit = fit_text(pa.array(cells), pa.float64())
    kept = [math.isfinite(float(cell)) and Decimal(repr(float(cell))) == Decimal(cell) for cell in cells]
    assert ([True] * len(cells) if misfit is None else (~misfit).tolist()) == kept
    assert typed.to_pylist() == [float(cell) if fits else None for cell, fits in zip(cells, kept, strict=True)]


def test_an_instant_may_be_told_in_any_zone() -> None:
    typed, misfit = fit_text(
        pa.array(["2020-01-31T12:00:00Z", "2020-01-31T14:00:00+02:00", "2020-01-31 12:00+00"]), arrow_type("timestamptz")
    )
    assert misfit is None
    assert len(set(typed.to_pylist())) == 1
    assert typed[0].as_py().utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", [*ARROW, "decimal(38,0)", "decimal(12,2)", "decimal(1,1)"])
def test_types_have_names(name: str) -> None:
    assert type_name(arrow_type(name)) == name


@pytest.mark.parametrize("name", ["int", "varchar", "decimal(39,0)", "decimal(2,3)", "decimal(0,0)", "decimal", "list<int64>", ""])
def test_other_types_are_refused(name: str) -> None:
    with pytest.raises(Terminal) as error:
        arrow_type(name)
    assert error.value.code == "unsupported_type"


SEEN = st.sampled_from(
    ["null", "whole", "int64", "decimal(19,0)", "decimal(25,0)", "decimal(38,0)", "float64", "boolean", "date", "string"]
)


@given(SEEN, SEEN, SEEN)
def test_what_blocks_show_together_depends_neither_on_their_order_nor_on_how_they_are_put_together(a: str, b: str, c: str) -> None:
    assert join(a, b) == join(b, a)
    assert join(join(a, b), c) == join(a, join(b, c))
    assert join(a, a) == a
