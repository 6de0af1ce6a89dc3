"""Text of XLSX, and the table of texts that cells share: kept in a file, of which memory holds the places alone."""

import mmap
import re
from array import array
from collections.abc import Iterable
from pathlib import Path

from krai.formats.xlsx_xml import Attributes, Elements, parse

BLANKS = " \t\r\n"
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


class TextRuns(Elements):
    """The text of an `si` or `is`: of its runs together, without how it is pronounced. Of a text too long little more is kept."""

    def __init__(self, most_characters: int) -> None:
        self._most_characters = self._left = most_characters
        self._runs: list[str] = []
        self._pieces: list[str] | None = None
        self._keeps_blanks = False
        self._spoken = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "t" and not self._spoken:
            self._pieces = []
            self._keeps_blanks = attributes.get("xml:space") == "preserve"
        elif name == "rPh":
            self._spoken += 1

    def text(self, text: str) -> None:
        if self._pieces is not None and self._left >= 0:
            self._left -= len(text)
            self._pieces.append(text)

    def end(self, name: str) -> None:
        if name == "t" and self._pieces is not None:
            run = "".join(self._pieces)
            self._runs.append(run if self._keeps_blanks else run.strip(BLANKS))
            self._pieces = None
        elif name == "rPh":
            self._spoken -= 1

    def take(self) -> str:
        """The text, once."""
        text = "".join(self._runs)
        self._runs, self._pieces, self._spoken, self._left = [], None, 0, self._most_characters
        return text


class SharedStrings:
    """The texts by their numbers, written to a file of their own at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stops = array("q", [0])
        self._content: mmap.mmap | bytes = b""

    def load(self, pieces: Iterable[bytes], most_characters: int) -> None:
        """Take the part of shared strings."""
        with self._path.open("wb") as file:
            table = _Table(self._stops, most_characters)

            def flush() -> None:
                file.write(table.held)
                table.held.clear()

            parse(pieces, table, flush)
        if self._stops[-1]:
            with self._path.open("rb") as written:
                self._content = mmap.mmap(written.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._stops) - 1

    def size_bytes(self, number: int) -> int:
        return self._stops[number + 1] - self._stops[number]

    def __getitem__(self, number: int) -> str:
        return self._content[self._stops[number] : self._stops[number + 1]].decode()


class _Table(TextRuns):
    def __init__(self, stops: "array[int]", most_characters: int) -> None:
        super().__init__(most_characters)
        self.held = bytearray()
        self._stops = stops

    def end(self, name: str) -> None:
        super().end(name)
        if name == "si":
            text = self.take().encode()
            self.held += text
            self._stops.append(self._stops[-1] + len(text))


def unescaped(text: str) -> str:
    """The text with the characters that XML has no place for (ECMA-376 part 1, 22.9.2.19). Raises UnicodeError for half a character."""
    if "_x" not in text:
        return text
    found = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    return found.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
