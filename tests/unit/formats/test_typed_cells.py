"""What a column that has a type takes of one that has another: the same value, or nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, strategies as st

from krai.formats.fit import fit_text
from krai.formats.text import as_text
from krai.formats.typed_cells import TypedCells
from krai.formats.types import ARROW, arrow_type

DAY, NOON = date(2020, 1, 2), datetime(2020, 1, 2, 15, 30)  # noqa: DTZ001 (a timestamp without a zone)
INSTANT = datetime(2020, 1, 2, 15, 30, tzinfo=UTC)
TYPES = (*ARROW, "decimal(5,2)", "decimal(38,10)")
NAN = float("nan")

# By the type of the column there is and that of the one it goes to: what becomes of a value, and what is of no use there.
FITTING: dict[tuple[str, str], tuple[dict[Any, Any], list[Any]]] = {
    ("int64", "float64"): ({1: 1.0, -(2**53): -(2.0**53)}, [2**53 + 1, 2**63 - 1]),
    ("int64", "decimal(5,2)"): ({999: Decimal(999), -1: Decimal(-1)}, [1000, -(2**63)]),
    ("int64", "decimal(38,10)"): ({2**63 - 1: Decimal(2**63 - 1)}, []),
    ("int64", "boolean"): ({0: False, 1: True}, [2, -1, -2]),
    ("int64", "string"): ({-7: "-7"}, []),
    ("float64", "int64"): ({5.0: 5, -0.0: 0, -(2.0**63): -(2**63)}, [5.5, NAN, 2.0**63, 1e300]),
    ("float64", "decimal(5,2)"): ({567.71: Decimal("567.71"), -1.0: Decimal(-1)}, [0.1 + 0.2, 1000.0, NAN, float("inf"), 1e-300]),
    ("float64", "decimal(38,10)"): ({567.71: Decimal("567.71"), 1e20: Decimal(10**20)}, [0.1 + 0.2, 1e30]),
    ("float64", "boolean"): ({0.0: False, 1.0: True}, [0.5, 2.0, NAN]),
    ("float64", "string"): ({5.0: "5.0", 0.1: "0.1"}, []),
    ("decimal(5,2)", "int64"): ({Decimal("5.00"): 5}, [Decimal("5.01")]),
    ("decimal(5,2)", "float64"): ({Decimal("0.57"): 0.57, Decimal("-999.99"): -999.99}, []),
    ("decimal(5,2)", "decimal(38,10)"): ({Decimal("5.01"): Decimal("5.01")}, []),
    ("decimal(5,2)", "boolean"): ({Decimal("1.00"): True, Decimal("0.00"): False}, [Decimal("0.01")]),
    ("decimal(5,2)", "string"): ({Decimal("5.10"): "5.10"}, []),
    ("decimal(38,10)", "int64"): ({Decimal(2**63 - 1): 2**63 - 1}, [Decimal(2**63), Decimal("0.1")]),
    ("decimal(38,10)", "float64"): ({Decimal("0.3"): 0.3, Decimal(10**20): 1e20}, [Decimal("1234567890.1234567891")]),
    ("decimal(38,10)", "decimal(5,2)"): ({Decimal("1.5"): Decimal("1.5")}, [Decimal("1.501"), Decimal(1000), Decimal(10**27)]),
    ("decimal(38,10)", "boolean"): ({Decimal(1): True}, [Decimal(2), Decimal(10**27), Decimal("1.5")]),
    ("decimal(38,10)", "string"): ({Decimal("1E-10"): "0.0000000001"}, []),
    ("date", "timestamp"): ({DAY: datetime(2020, 1, 2)}, []),  # noqa: DTZ001
    ("date", "string"): ({DAY: "2020-01-02"}, []),
    ("timestamp", "string"): ({NOON: "2020-01-02T15:30:00"}, []),
    ("timestamptz", "string"): ({INSTANT: "2020-01-02T15:30:00Z"}, []),
    ("boolean", "string"): ({True: "true"}, []),
    ("binary", "string"): ({"é".encode(): "é", b"": ""}, [b"\xff", b"a\0b"]),
    ("string", "int64"): ({"07": 7}, ["1.0", ""]),
    ("string", "date"): ({"2020-01-02": DAY}, ["2020-01-02T15:30:00"]),
    ("string", "timestamptz"): ({"2020-01-02T15:30Z": INSTANT}, ["2020-01-02T15:30:00", "2020-01-02"]),
}
SAMPLES: dict[str, Any] = {
    "boolean": True,
    "int64": 1600000000,
    "float64": 1.0,
    "date": DAY,
    "timestamp": NOON,
    "timestamptz": INSTANT,
    "binary": b"1",
    "decimal(5,2)": Decimal(1),
    "decimal(38,10)": Decimal(1),
}


@pytest.mark.parametrize(("source", "target"), FITTING, ids=" ".join)
def test_a_cell_is_the_same_value_or_is_named(source: str, target: str) -> None:
    good, bad = FITTING[source, target]
    cells = [None, *good, *bad]
    typed, misfit = TypedCells(pa.array(cells, arrow_type(source))).fit(arrow_type(target))
    assert typed.type == arrow_type(target)
    typed.validate(full=True)
    assert typed.to_pylist()[: 1 + len(good)] == [None, *good.values()]
    assert ([False] * len(cells) if misfit is None else misfit.tolist()) == [False] * (1 + len(good)) + [True] * len(bad)


@pytest.mark.parametrize("source", SAMPLES)
@pytest.mark.parametrize("target", TYPES)
def test_types_that_have_nothing_to_do_with_one_another_fit_in_no_cell(source: str, target: str) -> None:
    if source == target or (source, target) in FITTING:
        return
    typed, misfit = TypedCells(pa.array([SAMPLES[source], None], arrow_type(source))).fit(arrow_type(target))
    assert typed.type == arrow_type(target)
    assert misfit is not None
    assert misfit.tolist() == [True, False]


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([name for name in TYPES if name not in {"string", "binary"}]))
def test_a_float_that_fits_is_what_its_text_is_read_as(number: float, target: str) -> None:
    """In text a whole number has no point, and what is no number is nothing; else the two agree."""
    values = pa.array([number])
    typed, misfit = TypedCells(values).fit(arrow_type(target))
    text = as_text(values)
    read, unread = fit_text(text, arrow_type(target))
    if misfit is None and target.startswith(("decimal", "float")):
        assert (typed.to_pylist(), unread) == (read.to_pylist(), None)
    if unread is None:
        assert misfit is None


@given(st.decimals(-(10**27), 10**27, places=10).filter(lambda number: len(number.as_tuple().digits) <= 38))
def test_a_decimal_is_a_float_if_the_float_is_spelled_by_its_digits(number: Decimal) -> None:
    typed, misfit = TypedCells(pa.array([number], pa.decimal128(38, 10))).fit(pa.float64())
    nearest = float(number)
    assert typed.to_pylist() == [nearest]
    assert (misfit is None) == (Decimal(repr(nearest)) == number)
