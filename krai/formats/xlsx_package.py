"""The package that an XLSX file is (ECMA-376 part 2): a zip archive of parts, and how they lead to one another."""

import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from krai.errors import Terminal
from krai.formats.xlsx_xml import Attributes, Elements, parse

_READ_BYTES = 1 << 20
_MOST_PARTS = 10_000
# Real sheets are packed some ten or thirty times; the most that deflate can do is a thousand times.
_LARGE_BYTES, _MOST_TIMES = 64 << 20, 200
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class Relation:
    """`kind` is the last word of its type, `target` the name of a part."""

    kind: str
    target: str


class Budget:
    """How much may still be unpacked."""

    def __init__(self, left_bytes: int) -> None:
        self.left_bytes = left_bytes

    def spend(self, size_bytes: int) -> None:
        """Raises Terminal decompression_limit."""
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise Terminal("decompression_limit")


class Package:
    """Raises Terminal corrupt_file and encrypted_file. Names of parts are not told apart by case."""

    def __init__(self, file: BinaryIO) -> None:
        with _damage_is_terminal():
            self._zip = zipfile.ZipFile(file)
            members = self._zip.infolist()
        if len(members) > _MOST_PARTS:
            raise Terminal("corrupt_file", f"The XLSX file has more than {_MOST_PARTS} parts.")
        self._parts = {_checked(member).lower(): member for member in members}
        if len(self._parts) != len(members):
            raise Terminal("corrupt_file", "The XLSX file has two parts of the same name.")

    def has(self, name: str) -> bool:
        return name.lower() in self._parts

    def read(self, name: str, budget: Budget) -> Iterator[bytes]:
        """The content of a part in pieces. Raises Terminal corrupt_file and decompression_limit."""
        member = self._parts.get(name.lower())
        if member is None:
            raise Terminal("corrupt_file", "The XLSX file lacks a part that it names.")
        # A part cannot unpack to more than it says: what it says is no promise, but a bound.
        if member.file_size > max(_LARGE_BYTES, _MOST_TIMES * member.compress_size):
            raise Terminal("decompression_limit", f"A part of the XLSX file unpacks to more than {_MOST_TIMES} times its size.")
        with _damage_is_terminal(), self._zip.open(member) as part:
            while piece := part.read(_READ_BYTES):
                budget.spend(len(piece))
                yield piece

    def relations(self, name: str, budget: Budget) -> dict[str, Relation]:
        """The parts that a part leads to, by id; "" for the package itself."""
        folder, _, file = name.rpartition("/")
        place = posixpath.join(folder, "_rels", f"{file}.rels")
        found = _Relations(folder)
        if self.has(place):
            parse(self.read(place, budget), found)
        return found.relations


class _Relations(Elements):
    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.relations: dict[str, Relation] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if name != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = posixpath.normpath(posixpath.join("/", self._folder, attributes.get("Target", "")))
        kind = attributes.get("Type", "").rpartition("/")[2]
        self.relations[attributes.get("Id", "")] = Relation(kind, target.lstrip("/"))


def _checked(member: zipfile.ZipInfo) -> str:
    name = member.filename
    if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
        raise Terminal("corrupt_file", "The XLSX file has a part whose name leads out of it.")
    if member.flag_bits & _ENCRYPTED:
        raise Terminal("encrypted_file")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Terminal("corrupt_file", "The XLSX file is packed in a way that XLSX does not have.")
    return name


@contextmanager
def _damage_is_terminal() -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, UnicodeError) as error:
        raise Terminal("corrupt_file", "The XLSX file is no zip archive, or a damaged one.") from error
