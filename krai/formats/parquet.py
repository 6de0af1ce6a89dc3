"""Parquet, read in batches of bounded size whatever its row groups are.

A text that a dictionary holds once may stand in any number of rows: a file of some kilobytes can be hundreds of gigabytes of text. Such
columns are read as the dictionaries they are, and spelled out when it is known how much that makes.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from krai.errors import Terminal
from krai.formats.fit import cast_or_name
from krai.formats.header import check_names
from krai.formats.int96 import UNIT, Nanoseconds, int96_columns
from krai.formats.json_rejects import NdjsonRejects
from krai.formats.reading import Mask, Opener, Parsed, Places
from krai.formats.records import is_text
from krai.formats.rejected import Reject, Rejected, RejectsForm
from krai.formats.text import all_utf8
from krai.formats.typed_cells import TypedCells, nul_rows
from krai.formats.typed_json import row_as_json
from krai.formats.types import MAX_PRECISION, arrow_type
from krai.formats.years import outside_years

_BATCH_BYTES = 16 << 20
_PROBE_ROWS = 1024
_MAX_BATCH_ROWS = 128 << 10
_BUFFER_BYTES = 1 << 20
_DICTIONARIES = {"PLAIN_DICTIONARY", "RLE_DICTIONARY"}


class ParquetReader:
    """Implements `Reader`. Raises Terminal corrupt_file, unsupported_type and those for columns no dataset can have."""

    def __init__(self, opener: Opener, *, max_bytes: int, max_columns: int, max_name_bytes: int) -> None:
        self._opener = opener
        self._max_bytes = max_bytes
        with opener() as file, _damage_is_terminal():
            parquet = pq.ParquetFile(file, coerce_int96_timestamp_unit=UNIT)
            schema = parquet.schema_arrow
            self._repeated = _with_dictionaries(parquet.metadata)
            self._int96 = int96_columns(parquet.metadata)
        check_names(list(schema.names), max_columns=max_columns, max_name_bytes=max_name_bytes)
        self.types: Mapping[str, pa.DataType] = _types(schema)
        self.names: Sequence[str] = list(self.types)
        self.form: RejectsForm = NdjsonRejects()

    def learn(self, free: Mapping[str, str], bound: Mapping[str, pa.DataType], rounded: Collection[str] = ()) -> None:
        """The file knows its types."""

    def blocks(self) -> Iterator[pa.RecordBatch]:
        read_bytes = 0
        with self._opener() as file, self._opener() if self._int96 else nullcontext(file) as again, _damage_is_terminal():
            # Buffered: a row group of any size is read page by page.
            parquet = pq.ParquetFile(
                file,
                buffer_size=_BUFFER_BYTES,
                read_dictionary=self._repeated,
                page_checksum_verification=True,
                coerce_int96_timestamp_unit=UNIT,
            )
            nanoseconds = Nanoseconds(again, self._int96, _BUFFER_BYTES)
            rows, expected_bytes = _measure(parquet)
            if expected_bytes > self._max_bytes:
                self._check_size(sum(int(_row_bytes(batch).sum()) for batch in _batches(parquet, rows)))
            for batch in _batches(parquet, rows):
                ends = np.cumsum(_row_bytes(batch))
                read_bytes += int(ends[-1]) if len(ends) else 0
                self._check_size(read_bytes)
                batch = nanoseconds.beside(batch)  # noqa: PLW2901
                cuts = [0, *(np.flatnonzero(np.diff(ends // _BATCH_BYTES)) + 1).tolist(), batch.num_rows]
                for start, stop in itertools.pairwise(cuts):
                    yield batch.slice(start, stop - start)

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise Terminal("decompression_limit")

    def parse(self, block: pa.RecordBatch) -> Iterator[Parsed]:
        yield self._parse(block)

    def _parse(self, block: pa.RecordBatch) -> Parsed:
        columns: dict[str, pa.Array] = {}
        wrong: dict[int, Reject] = {}
        with _damage_is_terminal():
            for name, column in zip(block.schema.names, block.columns, strict=True):
                columns[name], bad = _converted(column, self.types[name])
                for code, rows in bad.items():
                    for row in np.flatnonzero(rows):
                        wrong.setdefault(int(row), Reject(int(row), name, code, "", row_as_json(block, int(row))))
        kept = np.ones(block.num_rows, dtype=np.bool_)
        kept[list(wrong)] = False
        places = np.flatnonzero(kept)

        def trace(indexes: Places) -> list[tuple[int, bytes]]:
            return [(int(place), row_as_json(block, int(place))) for place in places[indexes]]

        cells = {name: TypedCells(column if not wrong else column.filter(pa.array(kept))) for name, column in columns.items()}
        rejects = Rejected.of(wrong[row] for row in sorted(wrong))
        return Parsed(rows=block.num_rows, whole=len(places), columns=cells, rejects=rejects, trace=trace)


def _types(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Raises Terminal unsupported_type."""
    types: dict[str, pa.DataType] = {}
    for number, field in enumerate(schema, start=1):
        kept = _kept_type(field.type)
        if kept is None:
            why = next((why for matches, why in _REFUSED if matches(field.type)), "is of a type that krai does not keep: write it as text")
            raise Terminal("unsupported_type", f"Column {number} of the file {why}.")
        types[field.name] = kept
    return types


def _kept_type(kind: pa.DataType) -> pa.DataType | None:
    """The type of ours that has room for all values of a Parquet column."""
    if pa.types.is_dictionary(kind):
        return _kept_type(kind.value_type)
    for matches, name in _KEPT:
        if matches(kind):
            return arrow_type(name)
    if pa.types.is_timestamp(kind):
        return arrow_type("timestamp" if kind.tz is None else "timestamptz")
    if pa.types.is_decimal(kind) and kind.precision <= MAX_PRECISION and 0 <= kind.scale <= kind.precision:
        return pa.decimal128(kind.precision, kind.scale)
    return None


_KEPT: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "decimal(20,0)"),
    (pa.types.is_integer, "int64"),
    (pa.types.is_floating, "float64"),
    (pa.types.is_date, "date"),
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind), "string"),
    (pa.types.is_null, "string"),
    (lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind), "binary"),
    (lambda kind: pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind), "binary"),
)

# What to do about other types.
_REFUSED: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_decimal, f"has decimals of more than {MAX_PRECISION} digits: write it with fewer, or as text"),
    (pa.types.is_time, "has times of day: write them as text"),
    (pa.types.is_duration, "has durations: write them as whole numbers, of microseconds for one"),
    (pa.types.is_nested, "has lists, maps or structs: write them as JSON in text, or each part as a column of its own"),
)


def _converted(column: pa.Array, kind: pa.DataType) -> tuple[pa.Array, dict[str, Mask]]:
    """The column as the type that is kept, and by the code of their reject the cells that are not."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values, bad = (column, np.zeros(len(column), dtype=np.bool_)) if column.type == kind else cast_or_name(column, kind)
    if not pa.types.is_string(kind):
        return values, {"type_mismatch": bad | outside_years(values)}
    values, no_text = (values, np.zeros(len(values), dtype=np.bool_)) if all_utf8(values) else _only_utf8(values)
    return values, {"invalid_utf8": no_text | bad, "control_character": nul_rows(values)}


def _only_utf8(text: pa.Array) -> tuple[pa.Array, Mask]:
    raw = text.view(pa.binary()).to_pylist()
    bad = np.array([cell is not None and not is_text(cell) for cell in raw], dtype=np.bool_)
    good = [None if wrong else cell for cell, wrong in zip(raw, bad, strict=True)]
    return pa.array(good, pa.binary()).cast(pa.string()), bad


def _batches(parquet: pq.ParquetFile, most_rows: int) -> Iterator[pa.RecordBatch]:
    """The file in batches of at most `most_rows` that are about equal: of large row groups each has its own, small ones come together."""
    groups = [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)]
    first = 0
    while first < len(groups):
        rows, last = groups[first], first + 1
        while last < len(groups) and rows + groups[last] <= most_rows:
            rows, last = rows + groups[last], last + 1
        batch_rows = -(-rows // -(-rows // most_rows)) if rows else most_rows
        yield from parquet.iter_batches(batch_rows, row_groups=range(first, last), use_threads=False)
        first = last


def _measure(parquet: pq.ParquetFile) -> tuple[int, float]:
    """So many rows that a batch has about `_BATCH_BYTES`, and how large the file is spelled out, as the first ones show."""
    rows = parquet.metadata.num_rows
    sizes = [parquet.metadata.row_group(group).total_byte_size for group in range(parquet.num_row_groups)]
    row_bytes = sum(sizes) / max(1, rows)
    first = next(parquet.iter_batches(_PROBE_ROWS, use_threads=False), None)
    spelled_out = 0.0
    if first is not None and first.num_rows:
        row_bytes = max(row_bytes, first.nbytes / first.num_rows)
        spelled_out = rows * float(_row_bytes(first).mean())
    return max(1, min(_MAX_BATCH_ROWS, int(_BATCH_BYTES / max(1.0, row_bytes)))), spelled_out


def _with_dictionaries(footer: pq.FileMetaData) -> list[str]:
    """The columns of text that have a dictionary anywhere in the file."""
    found: dict[str, None] = {}
    for number in range(footer.num_row_groups):
        group = footer.row_group(number)
        for place in range(footer.num_columns):
            chunk = group.column(place)
            if chunk.physical_type == "BYTE_ARRAY" and not _DICTIONARIES.isdisjoint(chunk.encodings):
                found[chunk.path_in_schema] = None
    return list(found)


def _row_bytes(batch: pa.RecordBatch) -> Places:
    """How large each row is once its texts are spelled out."""
    plain_bytes = 0
    sizes = np.zeros(batch.num_rows, dtype=np.int64)
    for column in batch.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary).take(column.indices)
            sizes += pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False)
        else:
            plain_bytes += column.nbytes
    sizes += plain_bytes // max(1, batch.num_rows)
    return sizes


@contextmanager
def _damage_is_terminal() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowIndexError, UnicodeDecodeError) as error:
        raise Terminal("corrupt_file", "The Parquet file cannot be read.") from error
    except OSError as error:
        # Arrow says so for what it cannot make sense of; a disk that fails has an error number.
        if error.errno is not None:
            raise
        raise Terminal("corrupt_file", "The Parquet file cannot be read.") from error
