"""A decimal is the number that was written, or none: whichever way the text is read, and whatever digits the column has room for."""

import io
import json
from decimal import Decimal, localcontext

import pyarrow as pa
import pytest
from hypothesis import example, given, settings, strategies as st

from krai.formats.decimals import cast_exactly
from krai.formats.fit import cast_or_name, fit_text
from krai.formats.ndjson import NdjsonReader
from krai.formats.typed import Target, type_block
from krai.formats.types import arrow_type

MANY = 40  # lines that are alike are read column by column from some on


@st.composite
def types(draw: st.DrawFn) -> pa.DataType:
    precision = draw(st.integers(1, 38))
    return pa.decimal128(precision, draw(st.integers(0, precision)))


def spelled(sign: str, digits: str, fraction: int, power: str) -> str:
    fraction = min(fraction, len(digits))
    point = len(digits) - fraction
    return f"{sign}{digits[:point] or '0'}{'.' if fraction else ''}{digits[point:]}{power}"


NUMBERS = st.builds(
    spelled,
    st.sampled_from(["", "-"]),
    st.from_regex(r"[1-9][0-9]{0,45}", fullmatch=True),
    st.integers(0, 46),
    st.sampled_from(["", "", "", "e0", "e3", "E+20", "e-3", "e-36", "e-41", "e-194", "e37", "e240", "e-999999999"]),
)


def fitting(number: str, kind: pa.DataType) -> Decimal | None:
    """What a column of that type has for the number, by the school's rules."""
    value = Decimal(number)
    if value and not -kind.scale - 400 < value.adjusted() < 400:
        return None
    with localcontext() as context:
        context.prec = 1000
        scaled = value.scaleb(kind.scale)
        whole = scaled == scaled.to_integral_value() and abs(scaled) < 10**kind.precision
        return value if whole else None


def imported(lines: list[str], kind: pa.DataType) -> tuple[list[Decimal | None], list[int]]:
    """The values that a bound column gets from NDJSON, and the rows that are rejected."""
    data = "\n".join(lines).encode() + b"\n"
    reader = NdjsonReader(lambda: io.BytesIO(data), max_row_bytes=1 << 20, max_columns=100)
    reader.learn({}, {"a": kind})
    (block,) = reader.blocks()
    (parsed,) = reader.parse(block)
    typed = type_block(parsed, Target(bound={"a": kind}, closed=True), {})
    typed.columns["a"].validate(full=True)
    return typed.columns["a"].to_pylist(), [reject.row for reject in typed.rejects]


@pytest.mark.parametrize("rows", [1, MANY])
@pytest.mark.parametrize("filler", ['{"a":0}', '{"a":0 }', '{ "a" :null}'])
@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("decimal(8,2)", "42949673"),
        ("decimal(8,2)", "99999999"),
        ("decimal(4,2)", "655"),
        ("decimal(2,1)", "26"),
        ("decimal(18,10)", "1844674408"),
        ("decimal(20,20)", "99999999999999999999"),
        ("decimal(38,28)", "97809073712441331878692493.921073425"),
        ("decimal(10,2)", "5e-41"),
        ("decimal(10,2)", "5e-194"),
        ("decimal(10,2)", "0." + "0" * 40 + "5"),
        ("decimal(10,2)", "0." + "0" * 193 + "5"),
        ("decimal(10,2)", "1e-194"),
    ],
)
def test_a_number_that_has_no_room_is_rejected(kind: str, number: str, filler: str, rows: int) -> None:
    lines = [filler] * rows + [f'{{"a":{number}}}'] + [filler] * rows
    assert imported(lines, arrow_type(kind)) == ([json.loads(filler)["a"]] * 2 * rows, [rows])


@settings(max_examples=100)
@given(NUMBERS, types(), st.sampled_from(['{"a":0}', '{"a":0 }']), st.sampled_from([1, MANY]))
@example("5e-41", pa.decimal128(10, 2), '{"a":0 }', 1)
def test_json_has_the_number_or_none(number: str, kind: pa.DataType, filler: str, rows: int) -> None:
    expected = fitting(number, kind)
    values, rejected = imported([filler] * rows + [f'{{"a":{number}}}'], kind)
    assert values == [Decimal(0)] * rows + ([] if expected is None else [expected])
    assert rejected == ([rows] if expected is None else [])


@settings(max_examples=100)
@given(NUMBERS, types())
@example("97809073712441331878692493.921073425", pa.decimal128(38, 28))
@example("9" * 80, pa.decimal128(38, 0))
@example("0" * 80 + "1.50", pa.decimal128(3, 2))
@example("1." + "0" * 60, pa.decimal128(1, 0))
def test_text_has_the_number_or_none(number: str, kind: pa.DataType) -> None:
    expected = fitting(number, kind)
    typed, misfit = fit_text(pa.array(["0", number, None]), kind)
    assert typed.to_pylist() == [Decimal(0), expected, None]
    assert (misfit is None) == (expected is not None)


@settings(max_examples=100)
@given(st.integers(0, 37).flatmap(lambda size: st.integers(-(10 ** (size + 1)) + 1, 10 ** (size + 1) - 1)), st.integers(0, 38), types())
@example(8309881, 3, pa.decimal128(38, 38))
def test_a_decimal_of_another_type_is_the_same_number_or_none(digits: int, scale: int, kind: pa.DataType) -> None:
    with localcontext() as context:
        context.prec = 1000
        number = Decimal(digits).scaleb(-scale)
    room = pa.decimal128(max(len(str(abs(digits))), scale, 1), scale)
    typed, bad = cast_or_name(pa.array([number], room), kind)
    assert typed.to_pylist() == [fitting(f"{number:f}", kind)]
    assert bad.tolist() == [typed.null_count == 1]


@given(st.integers(-(2**63), 2**63 - 1), types())
@example(88309049, pa.decimal128(18, 1))
def test_an_integer_is_the_same_number_or_none(number: int, kind: pa.DataType) -> None:
    typed, _ = cast_or_name(pa.array([number]), kind)
    assert typed.to_pylist() == [fitting(str(number), kind)]


@pytest.mark.parametrize("text", ["1e99999999999999999999", "1e-99999999999999999999", "٣", "1e", "", "x" * 100, "-", "nan"])
def test_what_is_no_number_that_anybody_could_keep_is_a_misfit(text: str) -> None:
    typed, misfit = fit_text(pa.array([text, "1"]), pa.decimal128(38, 0))
    assert misfit is not None
    assert (misfit.tolist(), typed.to_pylist()) == ([True, False], [None, Decimal(1)])


def test_cells_are_cast_as_arrow_does_where_it_is_right() -> None:
    assert cast_exactly(pa.array(["1.5", None]), pa.decimal128(3, 1)).to_pylist() == [Decimal("1.5"), None]
    assert cast_exactly(pa.array([1, None]), pa.float64()).to_pylist() == [1.0, None]
