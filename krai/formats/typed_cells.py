"""Columns that come with types of their own, put into columns of other types.

A cell fits where it is the same value: a number where all its digits are kept, 1 and 0 as true and false, a day as the timestamp of its
midnight, anything as text in the spelling of CSV, bytes as the text that they are in UTF-8, and text as in a text file. Nothing else
does: no timestamp is a day, no number a time, and no time without a zone an instant.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.fit import cast_or_name, fit_text, to_mask
from krai.formats.floats import float_text
from krai.formats.reading import Cells, Mask
from krai.formats.text import as_text, holds_nul
from krai.formats.types import type_name

_DIGITS_OF_FLOATS = 15  # that every double keeps


@dataclass(frozen=True, slots=True)
class TypedCells:
    """Implements `Cells` for columns that come with a type."""

    values: pa.Array

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:  # noqa: ARG002 (the file knows better)
        return type_name(self.values.type), self.values

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        if self.values.type == target:
            return self.values, None
        if pa.types.is_string(self.values.type):
            return fit_text(self.values, target, exact=exact)
        typed, bad = _same_values(self.values, target)
        return typed, bad if bad.any() else None

    def only(self, rows: Mask) -> Cells:
        return TypedCells(self.values.filter(pa.array(rows)))


def nul_rows(text: pa.Array) -> Mask:
    """Which texts hold a NUL, which no text of a dataset may."""
    if not holds_nul(text):
        return np.zeros(len(text), dtype=np.bool_)
    return to_mask(pc.match_substring(text, "\0"))


def _same_values(values: pa.Array, target: pa.DataType) -> tuple[pa.Array, Mask]:
    source = values.type
    if pa.types.is_string(target):
        return _as_text(values)
    if _is_number(source) and _is_number(target):
        return _as_number(values, target)
    if _is_number(source) and pa.types.is_boolean(target):
        return _as_truth(values)
    if pa.types.is_date32(source) and target == pa.timestamp("us"):
        return cast_or_name(values, target)
    return pa.nulls(len(values), target), to_mask(values.is_valid())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _as_text(values: pa.Array) -> tuple[pa.Array, Mask]:
    if not pa.types.is_binary(values.type):
        return as_text(values), np.zeros(len(values), dtype=np.bool_)
    text, bad = cast_or_name(values, pa.string())
    return text, bad | nul_rows(text)


def _as_number(values: pa.Array, target: pa.DataType) -> tuple[pa.Array, Mask]:
    if pa.types.is_floating(values.type) and pa.types.is_decimal(target):
        # Not the digits of the double, of which there are up to a thousand, but those that it is told from all others by.
        typed, bad = fit_text(float_text(values), target)
        return typed, np.zeros(len(values), dtype=np.bool_) if bad is None else bad
    if pa.types.is_decimal(values.type) and pa.types.is_floating(target):
        return _as_float(values)
    return cast_or_name(values, target)


def _as_float(values: pa.Array) -> tuple[pa.Array, Mask]:
    # By way of text: Arrow's own cast makes 0.5700000000000001 of 0.57.
    typed = as_text(values).cast(pa.float64())
    if values.type.precision <= _DIGITS_OF_FLOATS:
        return typed, np.zeros(len(values), dtype=np.bool_)
    again, lost = fit_text(float_text(typed), values.type)
    bad = to_mask(pc.not_equal(again, values))
    return typed, bad if lost is None else bad | lost


def _as_truth(values: pa.Array) -> tuple[pa.Array, Mask]:
    numbers, bad = cast_or_name(values, pa.int64())
    neither = pc.and_(pc.not_equal(numbers, 0), pc.not_equal(numbers, 1))
    return numbers.cast(pa.bool_()), bad | to_mask(neither)
