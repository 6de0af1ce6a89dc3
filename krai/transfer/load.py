"""One pass over a file: blocks are parsed and typed side by side, and written as parts in their order."""

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import InitVar, dataclass, field
from functools import partial
from itertools import chain, islice
from typing import Any

import pyarrow as pa

from krai.errors import Terminal
from krai.formats.header import check_names, check_width
from krai.formats.infer import Seen, join, settled
from krai.formats.reading import Reader
from krai.formats.renamed import Renamed
from krai.formats.typed import Target, Typed, type_block
from krai.formats.types import arrow_type, type_name
from krai.job import Job, Stage
from krai.pipeline import in_turns
from krai.transfer.fetch import Source
from krai.transfer.meter import Meter
from krai.transfer.parts import Parts
from krai.transfer.preview import Preview
from krai.transfer.rejects import Rejects
from krai.transfer.tools import Tools

_BLANK_ROWS_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The file as parts: `rows` in them, `schema` of all of them together, `preview` of the first.

    `hopeless`: more rows were rejected than may be, and the rest was not read.
    """

    rows: int
    schema: pa.Schema
    parts: list[str]
    rejects: Rejects
    preview: Preview
    hopeless: bool


@dataclass(slots=True, kw_only=True)
class Load:
    """One pass over a file. `seen` is what its free columns have shown, `known` is what they showed in an earlier one."""

    job: Job
    tools: Tools
    meter: Meter
    source: Source
    reader: Reader
    target: Target
    known: InitVar[Mapping[str, Seen]]
    seen: dict[str, Seen] = field(init=False)
    _parts: Parts = field(init=False)
    _rejects: Rejects = field(init=False)
    _preview: Preview = field(init=False, default_factory=Preview)
    _rows: int = field(init=False, default=0)
    _read_rows: int = field(init=False, default=0)
    _blank_rows: int = field(init=False, default=0)
    _refuted: bool = field(init=False, default=False)
    _hopeless: bool = field(init=False, default=False)

    def __post_init__(self, known: Mapping[str, Seen]) -> None:
        # A file that knows its types has them even where it has no rows to show them.
        types = {name: type_name(kind) for name, kind in self.reader.types.items()}
        self.seen = {name: types.get(name, "null") for name in self.reader.names if name not in self.target.bound} | dict(known)
        self._rejects = Rejects(self.tools.spool, self.reader.form)
        self._parts = Parts(partial(self.tools.warehouse.open_part, self.job.dataset, self.job.job_id, self.job.epoch))

    def read(self) -> Loaded | None:
        """Write all rows; None when the file has refuted the types they were written with, now that `seen` is complete."""
        self.reader.learn(self.seen, self.target.bound, self.target.rounded)
        with closing(self._parts), closing(self._rejects):
            in_turns(self._parse_and_type, self._take, self.reader.blocks())
            if not self._refuted:
                self._write_blank(self._schema())
        if self._refuted:
            return None
        rows, read_rows, rejects = self._rows, self._read_rows, self._rejects
        if rows + rejects.count != read_rows:
            raise Terminal("internal", f"{read_rows} rows were read, {rows} written and {rejects.count} rejected.")
        schema = self._schema() if read_rows else self._schema_without_rows()
        if (rows and not self._hopeless) or not rejects.count:
            self._check_names(schema)
        parts = self._parts.locations
        return Loaded(rows=rows, schema=schema, parts=parts, rejects=rejects, preview=self._preview, hopeless=self._hopeless)

    def _parse_and_type(self, block: Any) -> Iterator[Typed]:
        """The pieces of a block: the first at once, the others when they are asked for, lest all be held that a block has."""
        pieces = (type_block(parsed, self.target, self.seen) for parsed in self.reader.parse(block))
        return chain(list(islice(pieces, 1)), pieces)

    def _take(self, block: Iterator[Typed]) -> bool:
        """Write a block, in its turn; False when the rest need not be read."""
        for typed in block:
            self._refuted = self._take_types(typed) or self._refuted
            if not self._refuted:
                self._write(typed)
                self._rejects.add(self._read_rows, typed.rejects)
            self._rows, self._read_rows = self._rows + typed.whole, self._read_rows + typed.rows
            self._say()
            self._hopeless = self._rejects.count > most_rejected(self.job)
            if self._hopeless:
                return False
        return True

    def _take_types(self, typed: Typed) -> bool:
        """Join what the block shows with what was seen before; true when rows were written with a type that does not hold now."""
        refuted = False
        for name, shown in typed.seen.items():
            before = self.seen.get(name, "null")
            self.seen[name] = join(before, shown)
            refuted |= before != "null" and settled(self.seen[name]) != settled(before)
        if not self.target.closed:
            check_width(len(self.seen) + len(self.target.bound), self.tools.limits.columns)
        return refuted

    def _write(self, typed: Typed) -> None:
        columns = self._columns(typed)
        if not columns:
            self._blank_rows += typed.whole
            return
        table = pa.table(columns)
        self._write_blank(table.schema)
        self._put(table)

    def _write_blank(self, schema: pa.Schema) -> None:
        """The rows before the first cell of the file that is not null: until then no column has a type to be written with."""
        while self._blank_rows:
            rows = min(self._blank_rows, _BLANK_ROWS_AT_ONCE)
            self._put(pa.table([pa.nulls(rows, field.type) for field in schema], schema=schema))
            self._blank_rows -= rows

    def _put(self, table: pa.Table) -> None:
        self._preview.add(table)
        self._parts.write(table)

    def _columns(self, typed: Typed) -> dict[str, pa.Array]:
        """The block's rows in the types that hold by now; columns that have shown nothing yet are left out."""
        columns: dict[str, pa.Array] = {}
        for name, column in typed.columns.items():
            if name in typed.seen:
                if self.seen[name] == "null":
                    continue
                kind = settled(self.seen[name])
                # The block was typed before earlier ones had told all they had to tell.
                columns[name] = column if column.type == arrow_type(kind) else typed.free[name].observe(self.seen[name])[1]
            else:
                columns[name] = column
        return columns

    def _check_names(self, schema: pa.Schema) -> None:
        """Of a file that names its columns in its rows only its end tells what they are, and without rows nothing does."""
        if isinstance(self.reader, Renamed) and self._read_rows:
            self.reader.check()
        if not self.target.closed:
            limits = self.tools.limits
            check_names(list(schema.names), max_columns=limits.columns, max_name_bytes=limits.column_name_bytes)

    def _schema(self) -> pa.Schema:
        if self.target.closed:
            return pa.schema(list(self.target.bound.items()))
        kinds = {name: arrow_type(settled(seen)) for name, seen in self.seen.items()} | dict(self.target.bound)
        return pa.schema([(name, kinds[name]) for name in dict.fromkeys([*self.reader.names, *kinds])])

    def _schema_without_rows(self) -> pa.Schema:
        """As `_schema`; of a file that would have named its columns in its rows they are those that the dataset has, and declared ones.

        Raises Terminal empty_file when there are none.
        """
        if self.target.closed or self.reader.names:
            return self._schema()
        held = self.tools.warehouse.schema(self.job.dataset) or pa.schema([])
        columns = {field.name: field.type for field in held} | dict(self.target.bound)
        if not columns:
            raise Terminal("empty_file", "The file has no rows to name columns: for a new dataset the request's schema has to.")
        return pa.schema(list(columns.items()))

    def _say(self) -> None:
        read_bytes, rejected = self.source.read_bytes, self._rejects.count
        done = read_bytes / max(1, self.source.size_bytes)
        self.meter.say(Stage.READING, done, rows=self._read_rows - rejected, rejected=rejected, read_bytes=read_bytes)


def most_rejected(job: Job) -> float:
    """How many rows of the file may be rejected."""
    if job.params.get("on_error") == "abort":
        return 0
    most: int | None = job.params.get("max_errors")
    return math.inf if most is None else most
