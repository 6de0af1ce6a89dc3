"""What all readers have in common: blocks of a file go in, columns and rejected rows come out, and no row is lost between.

A reader is asked for its blocks in order, one at a time, and then to parse each of them, all by any thread. Cells stay as the file has
them until somebody decides on types: either `observe` tells the narrowest type of a block, or `fit` reads them into a given one.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa

from krai.formats.rejected import Rejected, RejectsForm

BLOCK_BYTES = 6 << 20

Octets = np.ndarray[tuple[int], np.dtype[np.uint8]]
Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]


class Cells(Protocol):
    """One column of a block."""

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:
        """What the block shows (see `formats.infer`), and the cells in that type; `expected` is tried first."""

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        """The cells as `target`, and which of them do not fit (null in the array); None: all do.

        `exact`: text is a float64 only where that keeps all digits of the number.
        """

    def only(self, rows: Mask) -> "Cells":
        """The same column with these rows alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A block of `rows` records: `whole` of them are in `columns`, in order, the others in `rejects`.

    `trace(indexes)` gives place in the block and raw bytes of whole rows; `columns` may lack those that are null all through.
    `sources` has the names that the file gives columns, where they are called otherwise, and `numbers` which of its columns they are, from
    1, where it has others too. `mended`: there are rows that were rejected
    before, and of which nobody knows what other columns their file had.
    """

    rows: int
    whole: int
    columns: Mapping[str, Cells]
    rejects: Rejected
    trace: Callable[[Places], Sequence[tuple[int, bytes]]]
    sources: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    mended: bool = False


class Reader(Protocol):
    """A file of one format. `names` are the columns it is known to have before it is read, `types` what those are that have a type
    there, `form` is how its rejects are written.
    """

    names: Sequence[str]
    types: Mapping[str, pa.DataType]
    form: RejectsForm

    def blocks(self) -> Iterator[Any]:
        """The file from its beginning, in pieces of whole records and of bounded size."""

    def parse(self, block: Any) -> Iterator[Parsed]:
        """The records of a block: all at once, or one after the other as many as have a bounded number of cells, nulls counted."""

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        """What free columns have shown so far (the mapping grows meanwhile) and which have a type: some readers parse faster with it.
        Those that are `rounded` will not be asked to `fit` exactly.
        """


class Opener(Protocol):
    """Opens a file at its beginning, as often as it is called."""

    def __call__(self) -> BinaryIO: ...
