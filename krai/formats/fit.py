"""Text read into a type that is already decided. A cell that does not fit is named, never made null."""

import base64
import binascii

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.decimals import PLAIN, cast_exactly, exact_decimal
from krai.formats.floats import float_text
from krai.formats.infer import exact_float, read_exactly
from krai.formats.reading import Mask
from krai.formats.types import type_name
from krai.formats.years import outside_years

_TIME = r"[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_PATTERNS = {
    "boolean": r"^(?i:true|false|1|0)$",
    "int64": r"^-?[0-9]+$",
    "float64": r"^-?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$|^-?inf$|^nan$",
    "date": f"^{_DATE}$",
    "timestamp": f"^{_DATE}({_TIME})?$",
    "timestamptz": f"^{_DATE}{_TIME}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$",
}
_SURELY_KEPT = r"^-?[0-9.]{1,15}([eE][+-]?[0-9]{1,2})?$"  # so few digits every double keeps, but for the smallest ones


def fit_text(text: pa.Array, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
    """The cells as `target`, and which of them do not fit (these are null in the array); None: all do.

    `exact`: a float64 is only a number that it keeps all digits of, and not the one next to it.
    """
    name = type_name(target)
    if name == "string":
        return text, None
    if name == "binary":
        return _fit_base64(text)
    if name.startswith("decimal"):
        return _fit_decimal(text, target)
    read = read_exactly(text, name)
    if read is not None:
        return read, None
    plausible = pc.match_substring_regex(text, _PATTERNS[name])
    typed, refused = cast_or_name(pc.if_else(plausible, text, None), target)
    bad = to_mask(pc.invert(plausible)) | refused | outside_years(typed)
    if name == "float64":
        bad |= to_mask(pc.and_(pc.is_inf(typed), pc.invert(pc.match_substring(text, "inf"))))
        if exact:
            bad |= _lose_digits(text, typed)
    return (pc.if_else(pa.array(~bad), typed, None), bad) if bad.any() else (typed, None)


def cast_or_name(values: pa.Array, target: pa.DataType) -> tuple[pa.Array, Mask]:
    """`values` as `target`, null where a cell cannot be cast without loss, and which cells these are."""
    try:
        return cast_exactly(values, target), np.zeros(len(values), dtype=np.bool_)
    except pa.ArrowInvalid:
        if len(values) == 1:
            return pa.nulls(1, target), np.ones(1, dtype=np.bool_)
    half = len(values) // 2
    left, left_bad = cast_or_name(values.slice(0, half), target)
    right, right_bad = cast_or_name(values.slice(half), target)
    return pa.concat_arrays([left, right]), np.concatenate([left_bad, right_bad])


def to_mask(flags: pa.Array) -> Mask:
    """Arrow's true, false and null as numpy's true and false."""
    mask: Mask = pc.fill_null(flags, fill_value=False).to_numpy(zero_copy_only=False)
    return mask


def _lose_digits(text: pa.Array, typed: pa.Array) -> Mask:
    """Which texts say another number than their floats do in the fewest digits."""
    lost = to_mask(pc.and_(typed.is_valid(), pc.invert(pc.match_substring_regex(text, _SURELY_KEPT))))
    if lost.any():
        suspects = pa.array(lost)
        lost[lost] = to_mask(pc.not_equal(float_text(typed.filter(suspects)), text.filter(suspects)))
        lost[lost] = [not exact_float(cell) for cell in text.filter(pa.array(lost)).to_pylist()]
    return lost


def _fit_decimal(text: pa.Array, target: pa.DataType) -> tuple[pa.Array, Mask | None]:
    plain = pc.match_substring_regex(text, PLAIN)
    typed, bad = cast_or_name(pc.if_else(plain, text, None), target)
    bad |= to_mask(pc.invert(plain))
    if not bad.any():
        return typed, None
    others = [exact_decimal(cell, target) for cell in text.filter(pa.array(bad)).to_pylist()]
    typed = pc.replace_with_mask(typed, pa.array(bad), pa.array(others, target))
    bad[bad] = [number is None for number in others]
    return typed, bad if bad.any() else None


def _fit_base64(text: pa.Array) -> tuple[pa.Array, Mask | None]:
    bad = np.zeros(len(text), dtype=np.bool_)
    cells: list[bytes | None] = []
    for index, cell in enumerate(text.to_pylist()):
        try:
            cells.append(None if cell is None else base64.b64decode(cell, validate=True))
        except (binascii.Error, ValueError):
            cells.append(None)
            bad[index] = True
    return pa.array(cells, pa.binary()), bad if bad.any() else None
