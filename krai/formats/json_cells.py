"""Columns of JSON values. Where types are looked for, a string is only ever text, a date or a time, and a number only a number or text
with all its digits; a column that has a type takes a number, true or false in quotes too, as text files and sheets have them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self, TypeAlias

import numpy as np
import numpy.ma  # `np.unique` asks for it, and would load it anew in each process that reads a file
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.fit import fit_text
from krai.formats.infer import DIGITS_OF_INT64, TIMES, exact_float, narrowest, read_exactly, seen_of, settled
from krai.formats.reading import Cells, Mask
from krai.formats.types import MAX_PRECISION, arrow_type, type_name


class Kind(IntEnum):
    NULL = 0
    BOOLEAN = 1
    INTEGER = 2
    NUMBER = 3  # with a point or an exponent
    STRING = 4
    NESTED = 5


Kinds: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint8]]

# How the writer spells what JSON has no numbers for.
_NOT_FINITE = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


@dataclass(frozen=True, slots=True)
class JsonCells:
    """Implements `Cells`: each cell as it is spelled (a string: its content), and what kind of JSON value it is."""

    text: pa.Array
    kinds: Kinds

    @classmethod
    def at(cls, rows: Sequence[int], text: pa.Array, kinds: Kinds, count: int) -> Self:
        """A column of `count` cells, which has these in ascending `rows` and is null elsewhere."""
        if len(rows) == count:
            return cls(text, kinds)
        places, absent, spread = np.zeros(count, np.int32), np.ones(count, np.bool_), np.zeros(count, np.uint8)
        places[rows], absent[rows], spread[rows] = np.arange(len(rows)), False, kinds
        return cls(text.take(pa.array(places, mask=absent)), spread)

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:
        kinds = {Kind(kind) for kind in np.unique(self.kinds)} - {Kind.NULL}
        if not kinds:
            return "null", pa.nulls(len(self.text), arrow_type(settled(expected or "null")))
        if expected is not None and settled(expected) == "string" and expected != "null":
            return "string", self.text
        if kinds == {Kind.STRING}:
            return self._observe_strings(expected)
        if kinds == {Kind.BOOLEAN}:
            return "boolean", self.text.cast(pa.bool_())
        if kinds == {Kind.INTEGER} and expected != "float64":
            return self._observe_integers(expected)
        if kinds <= {Kind.INTEGER, Kind.NUMBER}:
            return self._observe_numbers()
        return "string", self.text

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        name = type_name(target)
        if name == "string":
            return self.text, None
        # Digits are no base64, though they might be read so.
        allowed = np.isin(self.kinds, (Kind.NULL, Kind.STRING)) if name == "binary" else self.kinds != Kind.NESTED
        text = self.text
        if name == "float64":
            for spelled, known in _NOT_FINITE.items():
                text = pc.if_else(pc.equal(text, spelled), known, text)
        typed, misfit = fit_text(pc.if_else(pa.array(allowed), text, None), target, exact=exact)
        bad = ~allowed if misfit is None else ~allowed | misfit
        return typed, bad if bad.any() else None

    def only(self, rows: Mask) -> Cells:
        return JsonCells(self.text.filter(pa.array(rows)), self.kinds[rows])

    def _observe_strings(self, expected: str | None) -> tuple[str, pa.Array]:
        if expected in TIMES:
            typed = read_exactly(self.text, expected)
            if typed is not None:
                return expected, typed
        return narrowest(self.text, TIMES)

    def _observe_integers(self, expected: str | None) -> tuple[str, pa.Array]:
        try:
            typed = self.text.cast(arrow_type(expected) if expected and expected.startswith("decimal") else pa.int64())
        except pa.ArrowInvalid:
            digits = pc.max(pc.utf8_length(pc.utf8_ltrim(self.text, "-"))).as_py()
            if digits > MAX_PRECISION:
                return "string", self.text
            name = f"decimal({max(digits, DIGITS_OF_INT64)},0)"
            return name, self.text.cast(arrow_type(name))
        return seen_of(type_name(typed.type), typed), typed

    def _observe_numbers(self) -> tuple[str, pa.Array]:
        integers = self.text.filter(pa.array(self.kinds == Kind.INTEGER))
        try:
            if seen_of("int64", integers.cast(pa.int64())) == "int64":
                return "string", self.text
        except pa.ArrowInvalid:
            return "string", self.text
        if all(exact_float(cell) for cell in self.text.filter(pa.array(self.kinds == Kind.NUMBER)).to_pylist()):
            return "float64", self.text.cast(pa.float64())
        return "string", self.text


@dataclass(frozen=True, slots=True)
class PlainJsonCells:
    """Implements `Cells` for a column that was parsed straight into `values`; `slowly` gives it cell by cell when that is not enough."""

    name: str
    values: pa.Array
    slowly: Callable[[], Mapping[str, Cells]]
    rows: Mask | None = None

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:
        kind = self.values.type
        if self.values.null_count == len(self.values):
            return "null", pa.nulls(len(self.values), arrow_type(settled(expected or "null")))
        if pa.types.is_string(kind):
            return self._observe_strings(expected)
        if pa.types.is_decimal(kind):
            # Arrow takes 1e3 and 1.0 for integers too.
            return self._exact().observe(expected)
        if pa.types.is_floating(kind) and expected != "float64" and pc.all(pc.equal(pc.trunc(self.values), self.values)).as_py():
            # Whether these were written as whole numbers only the lines can say.
            return self._exact().observe(expected)
        if expected is None or expected == "null" or arrow_type(settled(expected)) == kind:
            return seen_of(type_name(kind), self.values), self.values
        return self._exact().observe(expected)

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        if self.values.type == target:
            return self.values, None
        if self.values.null_count == len(self.values):
            return pa.nulls(len(self.values), target), None
        if pa.types.is_string(self.values.type) and type_name(target) in {*TIMES, "binary"}:
            return fit_text(self.values, target)
        return self._exact().fit(target, exact=exact)

    def only(self, rows: Mask) -> Cells:
        # Rows are taken away once, before types are looked for.
        return PlainJsonCells(self.name, self.values.filter(pa.array(rows)), self.slowly, rows)

    def _observe_strings(self, expected: str | None) -> tuple[str, pa.Array]:
        if expected in {*TIMES, "string"}:
            typed = read_exactly(self.values, str(expected))
            if typed is not None:
                return str(expected), typed
        return narrowest(self.values, TIMES)

    def _exact(self) -> Cells:
        cells = self.slowly()[self.name]
        return cells if self.rows is None else cells.only(self.rows)
