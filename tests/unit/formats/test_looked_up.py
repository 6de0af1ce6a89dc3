"""Text that is looked up for many rows at once is what each value is spelled like by itself."""

import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from krai.formats.floats import float_text
from krai.formats.short_floats import short_text
from krai.formats.text import as_text
from krai.formats.whole_seconds import whole_seconds_text

MANY = 2000  # rows that tables are made for
HOSTILE = [0.0, -0.0, 5e-324, -2.2e-308, 1e22, 1e23, 2.0**53 + 2, 2.0**53, 0.1 + 0.2, math.nan, math.inf, -math.inf, 1.7e308, 1e10, 1e9]
HOSTILE += [999_999_999.9999999, 999_999.9999995, 0.0005, 0.0000005, 1e-6, -1e-6, 1.0000000000000002, 1000.0, 999.999, 2147483.647]
NUMBERS = st.one_of(
    st.sampled_from(HOSTILE),
    st.floats(),
    st.builds(lambda whole, decimals: whole / 10**decimals, st.integers(-(10**12), 10**12), st.integers(0, 7)),
    st.builds(lambda whole, ulps: _next(whole / 1000, ulps), st.integers(0, 10**9), st.integers(-2, 2)),
)
DAY_US = 86_400 * 10**6
FIRST_US, LAST_US = -719_162 * DAY_US, 2_932_897 * DAY_US - 1


def _next(number: float, ulps: int) -> float:
    bits: int = struct.unpack("<q", struct.pack("<d", number))[0]
    moved: float = struct.unpack("<d", struct.pack("<q", max(0, bits + ulps)))[0]
    return moved


def one_by_one(values: pa.Array) -> list[str | None]:
    return [as_text(values.slice(row, 1))[0].as_py() for row in range(len(values))]


@settings(max_examples=150)
@given(st.lists(st.one_of(st.none(), NUMBERS), min_size=1, max_size=12), st.integers(0, 11))
def test_floats(cells: list[float | None], start: int) -> None:
    values = pa.array(cells, pa.float64()).slice(min(start, len(cells) - 1))
    found = short_text(values)
    if found is not None:
        text, wrong = found
        text.validate(full=True)
        right = [True] * len(values) if wrong is None else [not bad for bad in wrong.to_pylist()]
        assert [cell for cell, held in zip(text.to_pylist(), right, strict=True) if held] == [
            cell for cell, held in zip(one_by_one(values), right, strict=True) if held
        ]


@settings(max_examples=40)
@given(st.lists(st.one_of(st.none(), NUMBERS), min_size=1, max_size=6))
def test_many_floats_of_all_kinds(cells: list[float | None]) -> None:
    values = pa.array([1.25, None, *cells, -12.5, 1234.5678] + [3.0] * MANY, pa.float64())
    assert float_text(values).slice(0, len(cells) + 4).to_pylist() == one_by_one(values.slice(0, len(cells) + 4))


SHORT = {-0.0: "-0.0", 7.0: "7.0", -12.05: "-12.05", 1.001: "1.001", 1_000_000.001: "1000000.001", 0.000001: "0.000001"}


@pytest.mark.parametrize("number", SHORT)
def test_short_ones_are_looked_up(number: float) -> None:
    assert short_text(pa.array([number])) == (pa.array([SHORT[number]]), None)


def test_a_few_others_are_named_and_many_are_left_alone() -> None:
    found = short_text(pa.array([0.5, 0.1 + 0.2, 2.0, 3.0]))
    assert found is not None
    assert found[1] == pa.array([False, True, False, False])
    assert short_text(pa.array([0.1 + 0.2, 1.0])) is None


@settings(max_examples=150)
@given(
    st.integers(FIRST_US, LAST_US),
    st.lists(st.one_of(st.none(), st.integers(0, 12 * 365 * 86_400)), min_size=1, max_size=12),
    st.integers(0, 11),
    st.sampled_from([None, "UTC"]),
)
def test_times(first_us: int, seconds: list[int | None], start: int, zone: str | None) -> None:
    times = [None if second is None else min(LAST_US, first_us + second * 10**6) // 10**6 * 10**6 for second in seconds]
    values = pa.array(times, pa.timestamp("us", zone)).slice(min(start, len(times) - 1))
    text = whole_seconds_text(values)
    if text is not None:
        text.validate(full=True)
        assert text.to_pylist() == one_by_one(values)


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_are_looked_up(zone: str | None) -> None:
    values = pa.array([0, None, 1_600_000_000_000_000], pa.timestamp("us", zone))
    text = whole_seconds_text(pa.concat_arrays([values, values]).slice(2, 3))
    end = "Z" if zone else ""
    assert text is None  # half a century apart
    text = whole_seconds_text(values.slice(1))
    assert text is not None
    assert text.to_pylist() == [None, f"2020-09-13T12:26:40{end}"]


@pytest.mark.parametrize("time_us", [1, -1, -719_162 * DAY_US - 1, 2_932_897 * DAY_US])
def test_fractions_and_years_of_other_lengths_are_not(time_us: int) -> None:
    assert whole_seconds_text(pa.array([time_us], pa.timestamp("us"))) is None


def test_anything_may_lie_under_a_null() -> None:
    there = pa.py_buffer(b"\x01")
    junk: list[Any] = [(np.array([5.5, math.nan]), pa.float64()), (np.array([0, 2**63 - 1]), pa.timestamp("us"))]
    for numbers, kind in junk:
        values = pa.Array.from_buffers(kind, 2, [there, pa.py_buffer(numbers)])
        text = short_text(values) if pa.types.is_floating(kind) else whole_seconds_text(values)
        text = text[0] if isinstance(text, tuple) else text
        assert text is not None
        assert text.to_pylist() == one_by_one(values)
