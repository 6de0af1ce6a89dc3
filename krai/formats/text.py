"""Cells as text, in the one spelling that reads back as the same value."""

import base64

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.floats import float_text
from krai.formats.whole_seconds import whole_seconds_text

_BLANK = 0x20
_BOOLEANS = pa.array(["false", "true"])
_DATE_LENGTH = len("2020-01-31")
_ROWS_THAT_PAY = 1000  # for the tables of `whole_seconds_text`


def as_text(values: pa.Array) -> pa.Array:
    """The cells as text, null where they are null. binary becomes base64."""
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_floating(kind):
        return float_text(values)
    if pa.types.is_timestamp(kind):
        return _times(values)
    if pa.types.is_binary(kind):
        return pa.array([None if cell is None else base64.b64encode(cell).decode() for cell in values.to_pylist()], pa.string())
    if pa.types.is_boolean(kind):
        return _BOOLEANS.take(values.cast(pa.int8()))  # three times as fast as a cast
    if pa.types.is_decimal(kind):
        return _decimals(values)
    return values.cast(pa.string())


def _decimals(values: pa.Array) -> pa.Array:
    text = values.cast(pa.string())
    small = pc.match_substring(text, "E")
    if not pc.any(small).as_py():
        return text
    plain = [format(cell, "f") for cell in values.filter(small).to_pylist()]
    return pc.replace_with_mask(text, pc.fill_null(small, fill_value=False), pa.array(plain, pa.string()))


def _times(values: pa.Array) -> pa.Array:
    text = whole_seconds_text(values) if len(values) >= _ROWS_THAT_PAY else None
    return _any_times(values) if text is None else text


def _any_times(values: pa.Array) -> pa.Array:
    seconds = values.cast(pa.timestamp("s", values.type.tz), safe=False)
    fraction = pc.not_equal(seconds.cast(values.type), values)
    text = seconds.cast(pa.string())
    if pc.any(fraction).as_py():
        text = pc.if_else(fraction, values.cast(pa.string()), text)
    return pc.binary_replace_slice(text, _DATE_LENGTH, _DATE_LENGTH + 1, "T")


def holds_any(text: pa.Array, octets: bytes) -> bool:
    """False when none of the octets is in any cell; quick, and now and then true without need."""
    held = octets_of(text)
    return any(bool((held == octet).any()) for octet in octets)


def holds_controls(text: pa.Array) -> bool:
    """The same for the characters before the blank."""
    return bool((octets_of(text) < _BLANK).any())


def holds_nul(text: pa.Array) -> bool:
    octets = octets_of(text)
    return bool(len(octets) and octets.min() == 0)


def all_utf8(text: pa.Array) -> bool:
    try:
        text.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def is_utf8(block: bytes) -> bool:
    """The same for octets that are many: other threads go on meanwhile, as they do not while Python decodes."""
    return all_utf8(pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(block)], np.int32)), pa.py_buffer(block)))


def octets_of(text: pa.Array) -> "np.ndarray[tuple[int], np.dtype[np.uint8]]":
    """All cells of the array one after the other. Of a slice, the buffers are those of the whole."""
    _, offsets, data = text.buffers()
    if data is None or not len(text):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32, count=len(text) + 1, offset=4 * text.offset)
    return np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
