"""A reader whose columns have other names than the file gives them, or are left out."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pyarrow as pa

from krai.errors import Terminal
from krai.formats.reading import Cells, Parsed, Reader
from krai.formats.rejected import RejectsForm

T = TypeVar("T")


class Renamed:
    """Implements `Reader` over another one: `targets` has the new name of a column, or None for one that is left out.

    Raises Terminal unknown_column for a name that the file does not have and duplicate_column when two get one name: at once where the
    file tells its columns beforehand, else while it is parsed or by `check`.
    """

    def __init__(self, reader: Reader, targets: Mapping[str, str | None]) -> None:
        self._reader = reader
        self._targets = targets
        self._wanted = {name: source for source, name in targets.items() if name is not None}
        self._sources: dict[str, str] = {}  # of the columns that have been seen, by their new names
        self._seen: set[str] = set()
        self._mended = False
        self.form: RejectsForm = reader.form
        self.types: Mapping[str, pa.DataType] = {
            name: kind for source, kind in reader.types.items() if (name := self.target_of(source)) is not None
        }
        self.names: Sequence[str] = [name for name in map(self._named, reader.names) if name is not None]
        if reader.names:
            self.check()

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        self._reader.learn(_BySource(self, free), _BySource(self, bound), {self.source_of(name) for name in rounded})

    def blocks(self) -> Iterator[Any]:
        return self._reader.blocks()

    def parse(self, block: Any) -> Iterator[Parsed]:
        for parsed in self._reader.parse(block):
            self._mended |= parsed.mended
            columns: dict[str, Cells] = {}
            numbers: dict[str, int] = {}
            for number, (source, cells) in enumerate(parsed.columns.items(), start=1):
                name = self._named(source)
                if name is not None:
                    columns[name], numbers[name] = cells, number
            yield replace(parsed, columns=columns, sources=self._sources, numbers=numbers)

    def check(self) -> None:
        """The whole file has been seen: everything that was to be renamed must have been in it, unless it has some of the rows alone."""
        if self._mended:
            return
        for number, source in enumerate(self._targets, start=1):
            if source not in self._seen:
                raise Terminal("unknown_column", f"Column {number} of those to rename is not in the file.")

    def _named(self, source: str) -> str | None:
        self._seen.add(source)
        name = self.target_of(source)
        if name is not None and self._sources.setdefault(name, source) != source:
            raise Terminal("duplicate_column", "Two columns of the file get the same name.")
        return name

    def number_of(self, name: str) -> int:
        """Which column of the file it is, from 1, if it is named before the file is read."""
        return list(self._reader.names).index(self._sources[name]) + 1

    def has(self, name: str) -> bool:
        """True when a column of this new name may be in the file: one that gets its name by `targets` only once it was seen."""
        source = self._wanted.get(name)
        return source in self._seen or (source is None and name not in self._targets)

    def source_of(self, name: str) -> str:
        return self._wanted.get(name, name)

    def target_of(self, source: str) -> str | None:
        return self._targets.get(source, source)


class _BySource(Mapping[str, T]):
    """What is known of columns by their new names, and still grows, by the names of the file."""

    def __init__(self, renamed: Renamed, by_name: Mapping[str, T]) -> None:
        self._renamed = renamed
        self._by_name = by_name

    def __getitem__(self, source: str) -> T:
        name = self._renamed.target_of(source)
        if name is None:
            raise KeyError(source)
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return (self._renamed.source_of(name) for name in list(self._by_name) if self._renamed.has(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)
