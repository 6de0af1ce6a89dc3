"""A column of JSON values that have been found in a text: held against the grammar of RFC 8259, and read as one type."""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as arrow_json

from krai.formats.decimals import cast_exactly
from krai.formats.floats import float_text
from krai.formats.infer import exact_float
from krai.formats.reading import Mask, Octets, Places
from krai.formats.scanning import Words, words_of
from krai.formats.types import in_one

_BACKSLASH, _MINUS, _ZERO, _NINE, _E = b"\\-09e"
_FIRST_PRINTABLE, _FIRST_BEYOND_ASCII = 0x20, 0x80
_NULL, _TRUE, _FALS = (int.from_bytes(word, "little") for word in (b"null", b"true", b"fals"))
_EXACT_INTEGER = float(1 << 53)
_SURE_CHARACTERS = 15  # no more digits than any double keeps
_NUL_ESCAPE = "\\u0000"
_FIRST_LETTER = ord("A")
_POWER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][+-]?[0-9]+$"
_POWERS_AMONG = 4  # numbers: of so many one may have an exponent

Offsets: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int32]]


class Unsure(Exception):  # a signal between these modules
    """The values are not what they should be, or cannot be seen to be."""


@dataclass(frozen=True, slots=True)
class Values:
    """Value i is data[starts[i]:stops[i]], without its quotes if it is `in_quotes`; both ascend. `escapes`: there may be backslashes."""

    data: bytes
    starts: Places
    stops: Places
    in_quotes: "bool | Mask"
    escapes: bool

    def only(self, rows: Mask) -> "Values":
        return replace(self, starts=self.starts[rows], stops=self.stops[rows])

    def text(self) -> pa.Array:
        """The values as they stand there; nobody has looked whether they are UTF-8."""
        count = len(self.starts)
        # Values and what is between them take turns; Arrow gathers every second one.
        offsets = np.zeros(2 * count + 1, np.int32)
        offsets[:-1:2] = self.starts
        offsets[1::2] = self.stops
        offsets[-1:] = offsets[-2:-1]
        both = pa.StringArray.from_buffers(2 * count, pa.py_buffer(offsets), pa.py_buffer(self.data))
        return pc.take(both, pa.array(np.arange(0, 2 * count, 2, dtype=np.int32)), boundscheck=False)

    def words(self) -> Words:
        """The first four octets from where each value starts; for a shorter one at the end of the data the last four."""
        words = words_of(self.data, 4)
        first: Words = words[np.minimum(self.starts, len(words) - 1)]
        return first


def read_values(values: Values, kind: pa.DataType, *, exact: bool) -> pa.Array:
    """The values as `kind`; `exact`: float64 only if it keeps all their digits.

    Raises Unsure, and ArrowInvalid.
    """
    if pa.types.is_string(kind) if values.in_quotes is True else values.in_quotes is False and not pa.types.is_string(kind):
        try:
            return _read(values, kind, exact=exact)
        except Unsure:
            # Most columns have no nulls, or not in most blocks: they are looked for where something is wrong.
            pass
    present = ~_nulls(values)
    if present.all() or (present & (np.asarray(values.in_quotes) != pa.types.is_string(kind))).any():
        raise Unsure
    if not present.any():
        return pa.nulls(len(present), kind)
    return pc.replace_with_mask(pa.nulls(len(present), kind), pa.array(present), _read(values.only(present), kind, exact=exact))


def escaped_quotes(octets: Octets, quotes: Places) -> Mask:
    """Which quotes stand after an odd number of backslashes."""
    escaped: Mask = (octets[quotes - 1] == _BACKSLASH) & (quotes > 0)
    if escaped.any():
        slashes = np.flatnonzero(octets == _BACKSLASH)
        runs = slashes[np.concatenate(([True], np.diff(slashes) != 1))]
        after = quotes[escaped]
        escaped[escaped] = (after - runs[np.searchsorted(runs, after) - 1]) % 2 == 1
    return escaped


def _nulls(values: Values) -> Mask:
    nulls: Mask = (values.words() == _NULL) & (values.stops - values.starts == len("null")) & ~np.asarray(values.in_quotes)
    return nulls


def _read(values: Values, kind: pa.DataType, *, exact: bool) -> pa.Array:
    if pa.types.is_string(kind):
        return _strings(values)
    if pa.types.is_boolean(kind):
        return _booleans(values)
    if pa.types.is_null(kind):
        raise Unsure
    text = values.text()
    if not pa.types.is_floating(kind):
        _check_numbers(text)
        return cast_exactly(text, kind)
    powers = _powers(text)
    _check_numbers(text if powers is None else text.filter(pc.invert(powers)))
    typed = text.cast(kind)
    _check_floats(text, typed, powers, exact=exact)
    return typed


def _booleans(values: Values) -> pa.Array:
    words, sizes = values.words(), values.stops - values.starts
    true = (words == _TRUE) & (sizes == len("true"))
    false = (words == _FALS) & (sizes == len("false"))
    if not ((true | false).all() and (np.frombuffer(values.data, np.uint8)[values.stops - 1] == _E).all()):
        raise Unsure
    return pa.array(true)


def _strings(values: Values) -> pa.Array:
    text = values.text()
    _, octets = _parts(text)
    if len(octets) and int(octets.min()) < _FIRST_PRINTABLE:
        raise Unsure
    if len(octets) and int(octets.max()) >= _FIRST_BEYOND_ASCII:
        text.validate(full=True)
    return _unescaped(text) if values.escapes else text


def _unescaped(text: pa.Array) -> pa.Array:
    escaped = pc.match_substring(text, "\\")
    if not pc.any(escaped).as_py():
        return text
    cells = text.filter(escaped)
    if pc.any(pc.match_substring(cells, _NUL_ESCAPE)).as_py():
        raise Unsure
    _, octets = _parts(pc.binary_join_element_wise('{"a":"', cells, '"}\n', ""))
    read = arrow_json.read_json(
        pa.BufferReader(pa.py_buffer(octets)),
        read_options=arrow_json.ReadOptions(use_threads=False, block_size=len(octets) + 1),
        parse_options=arrow_json.ParseOptions(explicit_schema=pa.schema([("a", pa.string())]), unexpected_field_behavior="error"),
    )
    if read.num_rows != len(cells):
        raise Unsure
    return pc.replace_with_mask(text, escaped, in_one(read["a"]))


def _powers(text: pa.Array) -> pa.Array | None:
    """Which numbers have an exponent; None: none has. Raises Unsure when there are many, for each is looked at by itself."""
    _, octets = _parts(text)
    if not len(octets) or int(octets.max()) < _FIRST_LETTER:
        return None
    found = pc.match_substring_regex(text, _POWER)
    if pc.sum(found).as_py() * _POWERS_AMONG > len(text):
        raise Unsure
    return found


def _check_numbers(text: pa.Array) -> None:
    """What RFC 8259 calls a number, without an exponent.

    Points, minus signs and slashes are what stands in ASCII up to the digits from the minus sign on. Those that stand where they must
    not Arrow sees when it reads the number, but for a point at an end.
    """
    if not len(text):
        return
    offsets, octets = _parts(text)
    starts, stops = offsets[:-1], offsets[1:]
    if not len(octets) or int(octets.min()) < _MINUS or int(octets.max()) > _NINE:
        raise Unsure
    firsts = starts
    if int(octets.min()) < _ZERO:
        firsts = np.minimum(starts + (octets[starts] == _MINUS), len(octets) - 1)
        if not ((octets[stops - 1] >= _ZERO).all() and (octets[firsts] >= _ZERO).all()):
            raise Unsure
    zeros = firsts[(octets[firsts] == _ZERO) & (stops - firsts > 1)]
    if (octets[zeros + 1] >= _ZERO).any():
        raise Unsure


def _check_floats(text: pa.Array, typed: pa.Array, powers: pa.Array | None, *, exact: bool) -> None:
    offsets, _ = _parts(text)
    long = pa.array(np.diff(offsets) > _SURE_CHARACTERS)
    if powers is not None:
        long = pc.or_(long, powers)
    if not pc.any(long).as_py():
        return
    text, typed = text.filter(long), typed.filter(long)
    if not pc.all(pc.is_finite(typed)).as_py():
        raise Unsure
    if not exact:
        return
    if pc.any(pc.greater_equal(pc.abs(typed), _EXACT_INTEGER)).as_py():
        raise Unsure
    others = text.filter(pc.not_equal(float_text(typed), text))
    if not all(exact_float(cell) for cell in others.to_pylist()):
        raise Unsure


def _parts(text: pa.Array) -> tuple[Offsets, Octets]:
    """Where the cells of an array without nulls and of its own begin, with the end of the last one, and their octets."""
    _, offsets, data = text.buffers()
    starts: Offsets = np.frombuffer(offsets, np.int32, len(text) + 1)
    # An array without any octet may be without a buffer for them.
    return starts, np.frombuffer(data, np.uint8, int(starts[-1])) if data else np.zeros(0, np.uint8)
