"""XML of unknown origin, by expat, in pieces: no document type, no entities, no depth without end."""

from collections.abc import Callable, Generator, Iterable
from typing import Any
from xml.parsers import expat

from krai.errors import Terminal

_DEEPEST = 100
_LONGEST_TAG_BYTES = 4 << 20  # expat keeps a tag until it ends
Attributes = dict[str, str]


class Elements:
    """What is told of a document: elements by their names without prefix, and the text between them.

    Subclasses take what they need.
    """

    def start(self, name: str, attributes: Attributes) -> None:
        """An element begins; `attributes` have their names as they stand, with prefix."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Text of the innermost element, or a piece of it."""


def parse(pieces: Iterable[bytes], elements: Elements, told: Callable[[], None] = lambda: None) -> None:
    """Feed `pieces` and call `told` after each. Raises Terminal forbidden_xml and corrupt_file."""
    for _ in steps(pieces, elements):
        told()


def steps(pieces: Iterable[bytes], elements: Elements) -> Generator[None]:
    """The same as a generator, which stops after each piece."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    local: dict[str, str] = {}
    depth = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise Terminal("corrupt_file", "The XLSX file is nested too deeply.")
        known = local.get(name)
        if known is None:
            known = local[name] = name.rpartition(":")[2]
        elements.start(known, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        elements.end(local[name])

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = elements.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed_bytes = 0
    try:
        for piece in pieces:
            parser.Parse(piece, False)  # noqa: FBT003 (it has no name)
            fed_bytes += len(piece)
            if fed_bytes - parser.CurrentByteIndex > _LONGEST_TAG_BYTES:
                raise Terminal("corrupt_file", "The XLSX file has a tag without end.")
            yield
        parser.Parse(b"", True)  # noqa: FBT003 (it has no name)
    except expat.ExpatError:
        raise Terminal("corrupt_file", "The XLSX file has a part that is no XML.") from None
    yield


def _refuse_doctype(*_: Any) -> None:
    raise Terminal("forbidden_xml")
