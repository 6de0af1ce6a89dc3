"""The columns of a text file that has no header line."""

from collections.abc import Sequence

import numpy as np

from krai.dataset import OWN_PREFIX
from krai.errors import Terminal
from krai.formats.dialect import Dialect
from krai.formats.header import Header, after_mark, check_names, names_in, start_of_rows
from krai.formats.quotes import NO_SPANS, Positions, cut, line_end
from krai.formats.records import Records
from krai.formats.rejected import OWN_COLUMNS

HEAD_BYTES = 64 << 10
_MOST_NULS = 3  # of so many octets of text one is NUL at most; UTF-16 has more


def header_of(head: bytes, dialect: Dialect, columns: Sequence[str] | None, *, max_columns: int, max_name_bytes: int) -> Header:
    """What stands for the header of a file that begins with `head`; `end` is where its rows begin.

    The columns are called as `columns` says, else `column_1`, `column_2` and so on, as many as most rows have cells. A rejects file has
    a header of krai's own above such rows, which is known by its first name and passed over.

    Raises Terminal empty_file, encoding_unsupported and those for columns no dataset can have.
    """
    start = start_of_rows(head)
    if start == len(head) and (columns is None or len(columns) > 1 or after_mark(head) == len(head)):
        raise Terminal("empty_file")
    if head.count(0) * _MOST_NULS > len(head):
        raise Terminal("encoding_unsupported", "The file has NUL characters where text should be.")
    own: list[str] = []
    end, cells = start, 0
    if head.startswith((OWN_COLUMNS[0] + dialect.delimiter).encode(), start):
        end = line_end(head, start, final=True)
        written = names_in(head[start:end].rstrip(b"\r\n"), dialect)
        own = [name for name in written if name.startswith(OWN_PREFIX)]
        cells = len(written) - len(own)
    elif columns is None:
        counts = cells_of(head[start:], dialect)
        cells = int(np.bincount(counts).argmax())
    else:
        cells = len(columns)
    if cells == 1 and not own:
        # Blank lines are rows of this column, those before the first cell as well.
        end = after_mark(head)
    names = list(columns) if columns is not None else [f"column_{number + 1}" for number in range(cells)]
    check_names(names, max_columns=max_columns, max_name_bytes=max_name_bytes)
    every = (*own, *names)
    return Header(every, tuple(range(len(own), len(every))), dialect.delimiter.join(every).encode(), end)


def cells_of(head: bytes, dialect: Dialect) -> Positions:
    """How many cells the records have that `head` begins with; one of which only the beginning is there counts when it is the only one."""
    found = cut(head, dialect, final=False)
    data, bad = (head[: found.end], found.bad) if found.end else (head, NO_SPANS)
    records = Records.find(data, bad, dialect, keep_blank=False)
    good = np.ones(len(records), dtype=np.bool_)
    good[records.holding(bad[:, 0])] = False
    counts = records.cells()
    return counts[good] if good.any() else counts
