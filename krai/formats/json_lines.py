"""Lines of NDJSON one by one, read exactly: numbers keep their spelling, a key stands once, and nothing beyond JSON is taken."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from krai.dataset import OWN_PREFIX
from krai.formats.json_cells import JsonCells, Kind
from krai.formats.rejected import OWN_COLUMNS, RAW, RAW_BASE64

DEEPEST = 100
_TOO_DEEP = f"The object is more than {DEEPEST} levels deep."
_HALF = "The line has half a character."
_OWN = frozenset((*OWN_COLUMNS, RAW, RAW_BASE64))
_REJECTED = re.compile(rf'\s*\{{ ?"(?:{"|".join(_OWN)})"'.encode())


class _Integer(str):
    """The digits of a JSON number without a point."""

    __slots__ = ()


class _Number(str):
    """The spelling of any other JSON number."""

    __slots__ = ()


class Malformed(Exception):
    """Why a line cannot be imported: a code of the problem table and a detail."""

    def __init__(self, code: str = "malformed_json", detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def read_line(line: bytes) -> dict[str, Any]:
    """The object of a line, without what krai itself has written in one of a rejects file; that is what stands in its `_krai_raw`.

    Raises Malformed, also for other names that begin like krai's own, and for values beside `_krai_raw`.
    """
    record = _decode(line)
    own = _own_names(record)
    while RAW in own:
        if len(own) < len(record):
            raise Malformed("reserved_column", f"Beside {RAW} the row has values, which would be lost.")
        line = _raw_of(record)
        record = _decode(line)
        own = _own_names(record)
    # Only an escape can bring in what the decoded text could not hold.
    if b"\\u" in line:
        _check_escapes(record)
    return {name: value for name, value in record.items() if name not in own} if own else record


def was_rejected(text: bytes) -> bool:
    """True when it begins with a row of a rejects file, mended or not."""
    return _REJECTED.match(text) is not None


def as_it_came(line: bytes) -> bytes:
    """The line, or what stands in it when it is one of a rejects file: a row that is rejected again is kept as it was the first time."""
    if not was_rejected(line):
        return line
    try:
        record = _decode(line)
        return _raw_of(record) if RAW in record and _OWN.issuperset(record) else line
    except Malformed:
        return line


def cells_of(records: Sequence[Mapping[str, Any]]) -> dict[str, JsonCells]:
    """The columns of the records, in the order in which their names first appear."""
    rows: defaultdict[str, list[int]] = defaultdict(list)
    values: defaultdict[str, list[Any]] = defaultdict(list)
    for row, record in enumerate(records):
        for name, value in record.items():
            rows[name].append(row)
            values[name].append(value)
    return {name: _column(rows[name], found, len(records)) for name, found in values.items()}


def _column(rows: list[int], values: list[Any], count: int) -> JsonCells:
    kinds = np.fromiter((_KINDS[type(value)] for value in values), np.uint8, len(values))
    return JsonCells.at(rows, pa.array(map(_spell, values), pa.string(), size=len(values)), kinds, count)


def _decode(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise Malformed("invalid_utf8") from None
    try:
        record = _DECODER.decode(text)
    except RecursionError:
        raise Malformed(detail=_TOO_DEEP) from None
    except ValueError:
        raise Malformed(detail="The row is not JSON.") from None
    if not isinstance(record, dict):
        raise Malformed(detail="The row is JSON, but no object.")
    if text.count("[") + text.count("{") > DEEPEST:
        _check_depth(record)
    return record


def _own_names(record: dict[str, Any]) -> set[str]:
    """Those that a rejects file has of krai. Raises Malformed for any other that begins like them."""
    own = {name for name in record if name.startswith(OWN_PREFIX)}
    if not own <= _OWN:
        number = next(number for number, name in enumerate(record, start=1) if name in own - _OWN)
        raise Malformed("reserved_column", f"The name of column {number} of the row begins with {OWN_PREFIX}.")
    return own


def _check_depth(record: dict[str, Any]) -> None:
    level: list[Any] = [record]
    for _ in range(DEEPEST):
        level = [
            part for value in level for part in (value.values() if isinstance(value, dict) else value) if isinstance(part, dict | list)
        ]
    if level:
        raise Malformed(detail=_TOO_DEEP)


def _check_escapes(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise Malformed("control_character")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed(detail=_HALF) from None
    elif isinstance(value, dict):
        for name, part in value.items():
            _check_escapes(name)
            _check_escapes(part)
    elif isinstance(value, list):
        for part in value:
            _check_escapes(part)


def _raw_of(record: dict[str, Any]) -> bytes:
    raw = record[RAW]
    if type(raw) is not str:
        raise Malformed(detail=f"{RAW} is not a string.")
    try:
        return base64.b64decode(raw, validate=True) if record.get(RAW_BASE64) is True else raw.encode()
    except UnicodeEncodeError:
        raise Malformed(detail=_HALF) from None
    except ValueError:  # that base64 has no such character, or that its length is wrong
        raise Malformed(detail=f"{RAW} is not base64.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise Malformed(detail="An object has one key twice.")
    return record


def _no_constants(_: str) -> None:
    raise Malformed(detail="NaN and Infinity are no numbers of JSON.")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_Integer, parse_float=_Number, parse_constant=_no_constants, strict=True)
_KINDS = {
    type(None): Kind.NULL,
    bool: Kind.BOOLEAN,
    _Integer: Kind.INTEGER,
    _Number: Kind.NUMBER,
    str: Kind.STRING,
    list: Kind.NESTED,
    dict: Kind.NESTED,
}


def _spell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _compact(value)


def _compact(value: Any) -> str:
    """A nested value as JSON, with its numbers as they were spelled."""
    if isinstance(value, _Integer | _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{_compact(part)}" for name, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
