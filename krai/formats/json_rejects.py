"""Rejected rows as objects of JSON: a file of them to mend and import again, and what the API shows."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from krai.formats.rejected import ABOUTS, OWN_COLUMNS, RAW, RAW_BASE64, Rejected

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The keys of an object. Where its row is no text `raw_base64` is true, and where only the beginning is shown `raw_cut`."""

    about: Sequence[str]  # row, column, code and reason
    raw: str
    raw_base64: str
    raw_cut: str = ""


class JsonObjects:
    """At most `most_bytes` of a row are shown; in base64, and as `original` says they were in the file, when they are no text."""

    def __init__(self, names: Names, *, original: Callable[[bytes], bytes] = bytes, most_bytes: int | None = None) -> None:
        self._names = names
        self._original = original
        self._most_bytes = most_bytes
        self._row = f"{{{_encode(names.about[0])}: "
        self._about = lru_cache(ABOUTS)(
            lambda about: f", {_encode(dict(zip(names.about[1:], about, strict=True)))[1:-1]}, {_encode(names.raw)}: "
        )

    def of(self, rejected: Rejected) -> list[str]:
        """One for each row; these count from 1 in the file."""
        raws = self._raws(rejected.raws)
        return [
            f"{self._row}{row}{self._about(about)}{raw}}}" for row, about, raw in zip(rejected.rows, rejected.abouts, raws, strict=True)
        ]

    def _raws(self, raws: Sequence[bytes]) -> list[str]:
        if self._most_bytes is None or max(map(len, raws), default=0) <= self._most_bytes:
            try:
                return [_encode(raw.decode()) for raw in raws]
            except UnicodeDecodeError:
                pass  # by one of them, which is found by looking at each
        return [self._any(raw) for raw in raws]

    def _any(self, raw: bytes) -> str:
        """The string, and the keys after it."""
        cut, is_base64 = self._most_bytes is not None and len(raw) > self._most_bytes, False
        try:
            text = raw.decode()
            if cut:
                text = raw[: self._most_bytes].decode(errors="ignore")  # of a character that is cut in two nothing is shown
        except UnicodeDecodeError:
            text, is_base64 = base64.b64encode(self._original(raw)[: self._most_bytes]).decode(), True
        flags = ((self._names.raw_cut, cut), (self._names.raw_base64, is_base64))
        return _encode(text) + "".join(f", {_encode(name)}: true" for name, there in flags if there)


class NdjsonRejects:
    """Implements `RejectsForm` for rows that are no lines of delimited text: the record as it came is in `_krai_raw`."""

    extension = "ndjson"

    def __init__(self) -> None:
        self._objects = JsonObjects(Names(about=OWN_COLUMNS, raw=RAW, raw_base64=RAW_BASE64))

    def first_line(self) -> bytes:
        return b""

    def lines(self, rejected: Rejected) -> bytes:
        return "".join([f"{line}\n" for line in self._objects.of(rejected)]).encode()

    def original(self, raw: bytes) -> bytes:
        return raw
