"""Rows as most programs write them, told by a pattern at once; all else goes to expat, which stops between rows meanwhile.

A row is taken only when the pattern proves that expat would say the same of it, and only where nothing but rows can stand: once there is
a comment or another declaration, in which a row would be text, nothing is taken any more.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

_TEXT = r"[^<>&\x00-\x08\x0b-\x1f]*+(?:&(?:amp|lt|gt|quot|apos);[^<>&\x00-\x08\x0b-\x1f]*+)*+"
_ATTRIBUTES = r'(?: [A-Za-z]+(?::[A-Za-z]+)?="[^"<>&\x00-\x1f]*+")*+'
_PLACE = r'<c(?: r="({letters}[A-Z]{{1,3}})[0-9]{{1,7}}")?+(?: s="({other}[0-9]{{1,9}})")?+(?: t="({other}[a-zA-Z]{{1,9}})")?+'
_FORMULA = rf"(?:<f{_ATTRIBUTES}(?:/>|>{_TEXT}</f>))?+"
_VALUE = rf'(?:<v>{_TEXT}</v>|<is><t(?: xml:space="preserve")?+>{_TEXT}</t></is>)?+'
_CELL = rf"{_PLACE.format(letters='?:', other='?:')}(?:/>|>{_FORMULA}{_VALUE}</c>)"
_ROWS = re.compile(rf"(?:<row{_ATTRIBUTES}(?:/>|>(?:{_CELL})*+</row>))*+".encode())
_OPENING = r'(<v>|<is><t>|<is><t xml:space="preserve">)'
_CELLS = re.compile(rf"{_PLACE.format(letters='', other='')}(?:/>|>{_FORMULA}(?:{_OPENING}({_TEXT})</(?:v|t></is)>)?+</c>)")
_BEGIN, _END = b"<row", b"</row>"
# Characters that XML does not have, of which the pattern sees octets alone.
_NO_CHARACTERS = (b"\xef\xbf\xbe", b"\xef\xbf\xbf")
_DECLARATION = re.compile(rb"<\?xml [^>]*\?>")
_OTHER_ENCODING = re.compile(rb"encoding=[\"'](?!(?i:utf-8)[\"'])")
_MOST_HELD_BYTES = 4 << 20

# Column, style, type, what opens the value, and its text: each as it stands, "" where it does not.
PlainCell = tuple[str, str, str, str, str]


class Rows(Protocol):
    """Where rows go. `between_rows`: the part has been read up to where a row may begin."""

    between_rows: bool

    def take(self, cells: list[PlainCell]) -> None:
        """A row that has cells."""


def without_plain_rows(pieces: Iterable[bytes], rows: Rows) -> Iterator[bytes]:
    """The pieces but for the rows that `rows` gets; what is given out is read by expat before the next is asked for."""
    held, plain = b"", True
    for piece in pieces:
        held += piece
        while plain and (start := held.find(_BEGIN)) >= 0:
            if start:
                plain = _is_plain(held[:start])
                yield held[:start]
                held = held[start:]
            end = held.rfind(_END) + len(_END)
            plain = plain and rows.between_rows and (end > len(_END) or len(held) < _MOST_HELD_BYTES)
            if not plain or end < len(_END):
                break
            taken = _take(held[:end], rows)
            if not taken:
                # A row of another kind, which expat reads.
                taken = held.find(_END) + len(_END)
                plain = _is_plain(held[:taken])
                yield held[:taken]
            held = held[taken:]
        if not plain or _BEGIN not in held:
            kept = 0 if not plain else len(held) - held.rfind(b"<") if b"<" in held[-len(_BEGIN) :] else 0
            given = held[: len(held) - kept]
            plain = plain and _is_plain(given)
            yield given
            held = held[len(given) :]
    yield held


def _take(data: bytes, rows: Rows) -> int:
    """How many octets were rows and were taken."""
    matched = _ROWS.match(data)
    end = matched.end() if matched else 0
    if any(octets in data for octets in _NO_CHARACTERS):
        return 0
    try:
        text = data[:end].decode()
    except UnicodeDecodeError:
        return 0
    for row in text.split("</row>"):
        cells: list[PlainCell] = _CELLS.findall(row)
        if cells:
            rows.take(cells)
    return end


def _is_plain(given: bytes) -> bool:
    """Whether rows after this may be taken."""
    rest = _DECLARATION.sub(b"", given, count=1)
    return b"<!" not in rest and b"<?" not in rest and not _OTHER_ENCODING.search(given) and rest.rstrip()[-1:] in {b">", b""}
