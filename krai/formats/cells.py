"""Columns of text."""

from dataclasses import dataclass

import pyarrow as pa

from krai.formats.fit import fit_text
from krai.formats.infer import narrowest, read_exactly, seen_of, settled
from krai.formats.reading import Cells, Mask


@dataclass(frozen=True, slots=True)
class TextCells:
    """Implements `Cells` for files that know nothing but text."""

    text: pa.Array

    def observe(self, expected: str | None) -> tuple[str, pa.Array]:
        if expected is not None and expected != "null":
            name = settled(expected)
            typed = read_exactly(self.text, name)
            if typed is not None:
                return seen_of(name, typed), typed
        return narrowest(self.text)

    def fit(self, target: pa.DataType, *, exact: bool = True) -> tuple[pa.Array, Mask | None]:
        return fit_text(self.text, target, exact=exact)

    def only(self, rows: Mask) -> Cells:
        return TextCells(self.text.filter(pa.array(rows)))
