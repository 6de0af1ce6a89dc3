"""From a parsed block to typed columns: bound columns first, whose misfits reject their rows, then the free ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from krai.errors import Terminal
from krai.formats.fit import to_mask
from krai.formats.infer import Seen
from krai.formats.reading import Cells, Mask, Parsed
from krai.formats.rejected import Reject, Rejected
from krai.formats.types import type_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What the columns of an import are to become: `bound` ones have a type; `closed`: there may be no others. A `key` is never null.

    `rounded` ones take for a number in text the float64 next to it; in the others it is kept with all its digits, or does not fit.
    """

    bound: Mapping[str, pa.DataType]
    closed: bool
    key: Sequence[str] = ()
    rounded: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A block of `rows` records: `columns` are as long as `whole`, the rest are in `rejects`. `seen` is what free columns show."""

    rows: int
    whole: int
    columns: Mapping[str, pa.Array]
    seen: Mapping[str, Seen]
    rejects: Rejected
    free: Mapping[str, Cells]


def type_block(parsed: Parsed, target: Target, expected: Mapping[str, Seen]) -> Typed:
    """Raises Terminal unknown_column when the block has a column that `target` does not allow."""
    columns: dict[str, pa.Array] = {}
    misfits: dict[str, Mask] = {}
    free: dict[str, Cells] = {}
    for number, (name, cells) in enumerate(parsed.columns.items(), start=1):
        if name in target.bound:
            columns[name], misfit = cells.fit(target.bound[name], exact=name not in target.rounded)
            if misfit is not None:
                misfits[name] = misfit
        elif target.closed:
            number = parsed.numbers.get(name, number)  # noqa: PLW2901
            raise Terminal("unknown_column", f"Column {number} of the file, as its rows name them one by one, is not in the dataset.")
        else:
            free[name] = cells
    rejects, whole = parsed.rejects, parsed.whole
    keyless = {name: mask for name in target.key if (mask := _nulls(parsed, columns.get(name), free.get(name), expected.get(name))).any()}
    if misfits or keyless:
        bad = np.logical_or.reduce([*misfits.values(), *keyless.values()])
        found = _rejected(parsed, target, misfits, keyless, bad)
        rejects = Rejected.of(sorted([*parsed.rejects, *found], key=lambda reject: reject.row))
        whole -= int(bad.sum())
        columns = {name: column.filter(pa.array(~bad)) for name, column in columns.items()}
        free = {name: cells.only(~bad) for name, cells in free.items()}
    seen: dict[str, Seen] = {}
    for name, cells in free.items():
        seen[name], columns[name] = cells.observe(expected.get(name))
    return Typed(rows=parsed.rows, whole=whole, columns=columns, seen=seen, rejects=rejects, free=free)


def _nulls(parsed: Parsed, fitted: pa.Array | None, cells: Cells | None, expected: Seen | None) -> Mask:
    """Which rows have no value in a column."""
    if fitted is None and cells is not None:
        fitted = cells.observe(expected)[1]
    if fitted is None:
        return np.ones(parsed.whole, dtype=np.bool_)
    return to_mask(fitted.is_null())


def _rejected(parsed: Parsed, target: Target, misfits: Mapping[str, Mask], keyless: Mapping[str, Mask], bad: Mask) -> list[Reject]:
    """One reject for each bad row, naming its first bad column. A cell that does not fit is null by now, and no missing key."""
    indexes = np.flatnonzero(bad)
    found = []
    shortened = {name: _shortened(parsed.columns[name], bad) for name in misfits if pa.types.is_floating(target.bound[name])}
    for place, (index, (row, raw)) in enumerate(zip(indexes, parsed.trace(indexes), strict=True)):
        column = next((name for name, misfit in misfits.items() if misfit[index]), None)
        if column is None:
            column = next(name for name, missing in keyless.items() if missing[index])
            code, detail = "null_key", ""
        elif column in shortened and shortened[column][place]:
            code, detail = "type_mismatch", "A float64 does not keep all digits of the number."
        else:
            code, detail = "type_mismatch", f"The cell is not {_article(type_name(target.bound[column]))}."
        found.append(Reject(row, parsed.sources.get(column, column), code, detail, raw))
    return found


def _shortened(cells: Cells, rows: Mask) -> Mask:
    """Which of the rows would fit a float64 if it need not keep all digits."""
    misfit = cells.only(rows).fit(pa.float64(), exact=False)[1]
    return np.ones(int(rows.sum()), dtype=np.bool_) if misfit is None else ~misfit


def _article(name: str) -> str:
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"
