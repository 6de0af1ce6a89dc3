"""Days and instants that a dataset can keep: of the years 1 to 9999, as SQL and Python have them."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.reading import Mask

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_DAY_US = 86_400 * 10**6


def outside_years(values: pa.Array) -> Mask:
    """Which of the dates or times, in microseconds, are not; none of other values."""
    if pa.types.is_date32(values.type):
        numbers, first, last = values.cast(pa.int32()), _FIRST_DAY, _LAST_DAY
    elif pa.types.is_timestamp(values.type):
        numbers, first, last = values.cast(pa.int64()), _FIRST_DAY * _DAY_US, (_LAST_DAY + 1) * _DAY_US - 1
    else:
        return np.zeros(len(values), dtype=np.bool_)
    limits = pc.min_max(numbers).as_py()
    if limits["min"] is None or (limits["min"] >= first and limits["max"] <= last):
        return np.zeros(len(values), dtype=np.bool_)
    outside: Mask = pc.fill_null(pc.or_(pc.less(numbers, first), pc.greater(numbers, last)), fill_value=False).to_numpy(
        zero_copy_only=False
    )
    return outside
