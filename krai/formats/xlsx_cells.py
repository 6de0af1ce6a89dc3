"""Cells as SpreadsheetML (ECMA-376 part 1, 18.3.1) has them, all but their place: a number where the double that a spreadsheet keeps is
exactly the value, else text. Text is text whatever it looks like: no cell becomes a formula, a link or a number.

A date is one of Excel's from 1900-03-01 on, for before that its calendar has a day too many. A timestamp is one where it is a whole
number of milliseconds; an instant, which Excel does not know, is ISO text ending in Z. NaN, the infinities and -0.0 are text, as CSV has
them.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from krai.errors import Terminal
from krai.formats.floats import float_text
from krai.formats.text import as_text

MOST_CHARACTERS = 32_767
_EXACT_INTEGERS = 2**53
_EXACT_DIGITS = 15
_EPOCH = 25_569  # 1970-01-01 in Excel's days
_FIRST_DAY, _LAST_DAY = 61 - _EPOCH, 2_958_465 - _EPOCH
_DAY_US = 86_400 * 10**6
_TEXT = ('" t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>")
_NUMBER, _DATE, _TIME, _BOOLEAN = [(f'"{kind}><v>', "</v></c>") for kind in ("", ' s="1"', ' s="2"', ' t="b"')]
# What XML cannot hold, or would change, and what looks like the escape for it (ECMA-376 part 1, 22.4.2.4).
_UNFIT = r"[\x00-\x08\x0b-\x1f\x{fffe}\x{ffff}]|_x[0-9A-Fa-f]{4}_"
_TO_ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")


def cells(column: pa.Array, number: int) -> pa.Array:
    """What follows a cell's place, null where there is no cell; `number` is the column's, from 1, for errors.

    Raises Terminal cell_too_large.
    """
    kind = column.type
    text = as_text(column)
    if pa.types.is_boolean(kind):
        return _joined(_BOOLEAN, pc.if_else(column, "1", "0"))
    if pa.types.is_integer(kind):
        exact = pc.and_(pc.less_equal(column, _EXACT_INTEGERS), pc.greater_equal(column, -_EXACT_INTEGERS))
        return _number_or_text(exact, _NUMBER, text, text)
    if pa.types.is_floating(kind):
        return _number_or_text(pc.and_(pc.is_finite(column), pc.not_equal(text, "-0.0")), _NUMBER, text, text)
    if pa.types.is_decimal(kind):
        digits = pc.utf8_trim(pc.replace_substring_regex(text, "[-.]", ""), "0")
        return _number_or_text(pc.less_equal(pc.utf8_length(digits), _EXACT_DIGITS), _NUMBER, text, text)
    if pa.types.is_date(kind):
        days = column.cast(pa.int32()).cast(pa.int64())
        return _number_or_text(_in_calendar(days, 1), _DATE, pc.add(days, _EPOCH).cast(pa.string()), text)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        return _times(column, text)
    _refuse_long(text, number)
    return _joined(_TEXT, escaped(text))


def escaped(text: pa.Array) -> pa.Array:
    """The text as XML has it."""
    plain = text
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        plain = pc.replace_substring(plain, character, entity)
    unfit = pc.match_substring_regex(plain, _UNFIT)
    if not pc.any(unfit).as_py():
        return plain
    fit = [_TO_ESCAPE.sub(lambda found: f"_x{ord(found[0]):04X}_", cell) for cell in plain.filter(unfit).to_pylist()]
    return pc.replace_with_mask(plain, pc.fill_null(unfit, fill_value=False), pa.array(fit, pa.string()))


def _times(column: pa.Array, text: pa.Array) -> pa.Array:
    ticks = column.cast(pa.int64())
    milliseconds = pc.divide(ticks, 1000)
    exact = pc.and_(pc.equal(pc.multiply(milliseconds, 1000), ticks), _in_calendar(ticks, _DAY_US))
    serial = pc.add(pc.divide(ticks.cast(pa.float64(), safe=False), float(_DAY_US)), float(_EPOCH))
    return _number_or_text(exact, _TIME, float_text(serial), text)


def _in_calendar(ticks: pa.Array, per_day: int) -> pa.Array:
    return pc.and_(pc.greater_equal(ticks, _FIRST_DAY * per_day), pc.less(ticks, (_LAST_DAY + 1) * per_day))


def _number_or_text(exact: pa.Array, around: tuple[str, str], number: pa.Array, text: pa.Array) -> pa.Array:
    numbers = _joined(around, number)
    if pc.all(exact).as_py() is not False:
        return numbers
    return pc.if_else(exact, numbers, _joined(_TEXT, text))


def _joined(around: tuple[str, str], text: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(around[0], text, around[1], "")


def _refuse_long(text: pa.Array, number: int) -> None:
    """A spreadsheet counts UTF-16 units, of which there are no more than octets of UTF-8."""
    long = text.filter(pc.greater(pc.binary_length(text), MOST_CHARACTERS))
    if any(len(cell.encode("utf-16-le")) // 2 > MOST_CHARACTERS for cell in long.to_pylist()):
        raise Terminal("cell_too_large", f"A cell of XLSX has at most {MOST_CHARACTERS} characters; column {number} has a longer one.")
