"""Rows of text: the cells of a table with what stands between them, put together by one `take` of Arrow's.

Between two cells stands a seam: the end of the one before, what the format has between them, and the beginning of the one after. Which
texts that can be is known beforehand, so that a row is nothing but a list of places among these texts and the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from krai.formats.fit import to_mask
from krai.formats.reading import Mask
from krai.formats.text import octets_of

_PLAIN, _QUOTED, _NULL = range(3)
_STATES = 3
_KEPT = 4  # full pieces of both threads, and the rest of a scan

Order = np.ndarray[tuple[int, int], np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Column:
    """Cells as text, null where they are null, and which of them stand in quotes: all, none, or those of the mask."""

    text: pa.Array
    quoted: bool | Mask = False


def seams(between: Sequence[str], *, null: str) -> pa.Array:
    """All that can stand before the first cell, between two, and after the last one: `between`, with quotes and what a null is called."""
    before, after = ("", '"', ""), ("", '"', null)
    return pa.array([end + text + begin for text in between for end in before for begin in after], pa.string())


def rows_of(columns: Sequence[Column], between: pa.Array) -> memoryview:
    """One row after the other; `between` are the `seams` of so many columns."""
    rows = len(columns[0].text)
    order = _order(rows, tuple(_QUOTED if column.quoted is True else _PLAIN for column in columns))
    own: Order | None = None
    for place, column in enumerate(columns):
        if column.quoted is True or column.quoted is False:
            if not column.text.null_count:
                continue
            usual = _QUOTED if column.quoted else _PLAIN
            state = np.where(to_mask(column.text.is_null()), _NULL - usual, 0)
        else:
            state = column.quoted.astype(np.int32)
            if column.text.null_count:
                state[to_mask(column.text.is_null())] = _NULL
        own = order.copy() if own is None else own
        own[:, 2 * place] += state
        own[:, 2 * place + 2] += _STATES * state
    texts = pa.concat_arrays([between, *(column.text for column in columns)])
    joined = pc.take(texts, pa.array((order if own is None else own).reshape(-1)), boundscheck=False)
    # What was taken lies one after the other in the array's data, which is the text of the file.
    return octets_of(joined).data


@lru_cache(_KEPT)
def _order(rows: int, states: tuple[int, ...]) -> Order:
    """The places of seams and cells among all of them, row by row, where each column has one state."""
    first = (len(states) + 1) * _STATES * _STATES
    order = np.empty((rows, 2 * len(states) + 1), np.int32)
    for place, (before, after) in enumerate(zip((_PLAIN, *states), (*states, _PLAIN), strict=True)):
        order[:, 2 * place] = (place * _STATES + before) * _STATES + after
    for place in range(len(states)):
        order[:, 2 * place + 1] = np.arange(first + place * rows, first + (place + 1) * rows)
    order.flags.writeable = False
    return order
