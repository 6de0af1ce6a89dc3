"""Server-Sent Events out of bytes, as WHATWG HTML 9.2.6 reads them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE_END = re.compile(rb"\r\n|\n|\r")
LARGEST_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: str


class Events:
    """`last_id` is what to come back with."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._rest = b""
        self._name = ""
        self._data: list[str] = []
        self._id: str | None = None

    def broken_off(self) -> None:
        """What was half read is not an event."""
        self._rest, self._name, self._data, self._id = b"", "", [], None

    def feed(self, data: bytes) -> Iterator[Event]:
        """The events that are complete with `data`. Raises ValueError where there is no end to a line."""
        self._rest += data
        while (end := LINE_END.search(self._rest)) and not (end.group() == b"\r" and end.end() == len(self._rest)):
            line, self._rest = self._rest[: end.start()].decode(errors="replace"), self._rest[end.end() :]
            if line:
                self._take(line)
            elif (event := self._dispatch()) is not None:
                yield event
        if len(self._rest) > LARGEST_BYTES:
            raise ValueError("a line of events does not end")

    def _take(self, line: str) -> None:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value

    def _dispatch(self) -> Event | None:
        if self._id is not None:
            self.last_id = self._id
        event = Event(self._name or "message", "\n".join(self._data)) if self._data else None
        self._name, self._data = "", []
        return event
