"""Which delimiter a text file has, by its first records."""

import codecs
from dataclasses import replace

from krai.formats.dialect import Dialect
from krai.formats.rejected import OWN_COLUMNS
from krai.formats.unnamed import cells_of

_CANDIDATES = (",", ";", "\t", "|")
_MOST = 0.5


def with_delimiter(dialect: Dialect, head: bytes) -> Dialect:
    """The dialect with the delimiter of which the most records have as many as the first one; a comma when in doubt.

    A delimiter that the first record does not have is none, so a file of one column stays one.
    """
    head = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    best, best_share = _CANDIDATES[0], 0.0
    for candidate in _CANDIDATES:
        if candidate == dialect.quote or not _may_have(head, candidate, dialect):
            continue
        tried = replace(dialect, delimiter=candidate)
        if head.startswith((OWN_COLUMNS[0] + candidate).encode()):
            return tried
        counts = cells_of(head, tried)
        share = float((counts == counts[0]).mean()) if len(counts) and counts[0] > 1 else 0.0
        if share > best_share and (share > _MOST or candidate == best):
            best, best_share = candidate, share
    return replace(dialect, delimiter=best)


def _may_have(head: bytes, delimiter: str, dialect: Dialect) -> bool:
    """False when the first record has no such mark: to count the others' cells all the same would cost the time of a small import."""
    first, _, _ = head.partition(b"\n")
    goes_on = dialect.quote_mark is not None and first.count(dialect.quote_mark) % 2
    return delimiter.encode() in (head if goes_on else first)
