"""Rows that stay out of an import: what is wrong with each, and its bytes as they came."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from krai.dataset import OWN_PREFIX

# Columns that a rejects file has of krai; a mended one is imported without them.
OWN_COLUMNS = tuple(OWN_PREFIX + name for name in ("row", "column", "code", "reason"))
RAW = OWN_PREFIX + "raw"
RAW_BASE64 = RAW + "_base64"
ABOUTS = 1000  # to be remembered as they are written: what is wrong with many rows is often the same

About = tuple[str | None, str, str]  # column, code and reason


class Reject(NamedTuple):
    """A row that stays out. `row` counts from 0 within its block; `raw` are its bytes without the line end."""

    row: int
    column: str | None
    code: str
    detail: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """Many of them, in order: item i of `rows`, `abouts` and `raws` is about the same row.

    A file may have millions, and no other thread parses while Python makes an object: so there is none for each of them.
    """

    rows: Sequence[int] = ()
    abouts: Sequence[About] = ()
    raws: Sequence[bytes] = ()

    @classmethod
    def of(cls, rejects: Iterable[Reject]) -> "Rejected":
        found = list(rejects)
        return cls([one.row for one in found], [(one.column, one.code, one.detail) for one in found], [one.raw for one in found])

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Reject]:
        return (Reject(row, *about, raw) for row, about, raw in zip(self.rows, self.abouts, self.raws, strict=True))

    def part(self, first: int, rows: int) -> "Rejected":
        stop = first + rows
        return Rejected(self.rows[first:stop], self.abouts[first:stop], self.raws[first:stop])


class RejectsForm(Protocol):
    """How rejected rows of a file are written so that the request that read it reads them; `extension` is that of the file's name."""

    extension: str

    def first_line(self) -> bytes: ...

    def lines(self, rejected: Rejected) -> bytes:
        """The rows, which count from 1 in the file here, under krai's own columns and those of the file."""

    def original(self, raw: bytes) -> bytes:
        """The row as the file has it, where `raw` is how the reader has seen it."""
