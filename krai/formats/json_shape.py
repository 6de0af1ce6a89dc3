"""The shape of a line that a program has written: its keys, and all the text that stands around its values."""

import json
import re
from dataclasses import dataclass

_CONTENT = rb'[^"\\]*(?:\\.[^"\\]*)*'
_VALUE = rb'(?:"' + _CONTENT + rb'"|[^"{}\[\], \t]+)'
_MEMBER = re.compile(rb'([{,][ \t]*)"(' + _CONTENT + rb')"([ \t]*:[ \t]*)' + _VALUE, re.DOTALL)
_END = re.compile(rb"[ \t]*\}")


@dataclass(frozen=True, slots=True)
class Lead:
    """What stands before a value: `before` the key's opening quote, the key in its quotes, and what comes `after` it."""

    before: bytes
    key: bytes
    after: bytes

    @property
    def text(self) -> bytes:
        return b'%b"%b"%b' % (self.before, self.key, self.after)


@dataclass(frozen=True, slots=True)
class Shape:
    """An object of one level, which begins with the first of its `leads`; `end` is what stands after the last value."""

    names: tuple[str, ...]
    leads: tuple[Lead, ...]
    end: bytes
    pattern: re.Pattern[bytes]

    @classmethod
    def of(cls, line: bytes) -> "Shape | None":
        """None for a line that has none: it is empty, nested, malformed, has a key twice or one with a NUL."""
        leads: list[Lead] = []
        at = 0
        while (member := _MEMBER.match(line, at)) is not None:
            lead, at = Lead(*member.groups()), member.end()
            if lead.before[:1] != (b"," if leads else b"{"):
                return None
            leads.append(lead)
        end = _END.fullmatch(line, at)
        if not leads or end is None:
            return None
        try:
            names = [json.loads(b'"%b"' % lead.key) for lead in leads]
        except ValueError:
            return None
        if len(set(names)) < len(names) or any("\0" in name for name in names):
            return None
        pattern = re.compile(b"".join(re.escape(lead.text) + _VALUE for lead in leads) + re.escape(end[0]), re.DOTALL)
        return cls(tuple(names), tuple(leads), end[0], pattern)

    def is_of(self, line: bytes) -> bool:
        """Whether another line looks like it."""
        return self.pattern.fullmatch(line) is not None
