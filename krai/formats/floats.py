"""How a float64 is written: the shortest digits that give the same number back, always with a `.` or an exponent, so that a column
of whole numbers is still one of floats when it is read again."""

import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.short_floats import short_text

# Arrow writes whole numbers below this without a point, and with an exponent from here on.
_POINTLESS_BELOW = 1e10
_ROWS_THAT_PAY = 1000  # for the tables of `short_text`


def float_text(values: pa.Array) -> pa.Array:
    short = short_text(values) if len(values) >= _ROWS_THAT_PAY else None
    if short is None:
        return _any_text(values)
    text, wrong = short
    return text if wrong is None else pc.replace_with_mask(text, wrong, _any_text(values.filter(wrong)))


def _any_text(values: pa.Array) -> pa.Array:
    text = values.cast(pa.string())
    whole = pc.fill_null(pc.and_(pc.equal(values, pc.trunc(values)), pc.less(pc.abs(values), _POINTLESS_BELOW)), fill_value=False)
    return pc.replace_with_mask(text, whole, pc.binary_join_element_wise(text.filter(whole), ".0", ""))
