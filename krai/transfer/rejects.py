"""Rows that stayed out: a file to mend and import again, and one of `error_pages` for the API to show.

The file of delimited text is of the same dialect and encoding: number, column, code and reason, then the row's bytes as they came, under
the header as it came. Of other sources it is NDJSON with the record as it came in `_krai_raw`. What is shown are entries
`{row, column, code, detail, raw}`; `raw` is cut at 4 KiB there (`raw_cut`), and base64 when it is not UTF-8 (`raw_base64`).
"""

from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from krai.error_pages import ErrorPages
from krai.errors import PROBLEMS
from krai.formats.json_rejects import JsonObjects, Names
from krai.formats.rejected import ABOUTS, About, Reject, Rejected, RejectsForm
from krai.ports import BlobStore

_SHOWN_BYTES = 4096
_NAMES = Names(about=("row", "column", "code", "detail"), raw="raw", raw_base64="raw_base64", raw_cut="raw_cut")
_PLAIN_CHARACTERS = 64


class Rejects:
    """Collects rejects in `folder`, over what an earlier pass has left there, in `form`."""

    def __init__(self, folder: Path, form: RejectsForm) -> None:
        self.count = 0
        self.first_cause = ""
        self.name = f"rejects.{form.extension}"
        self._folder = folder
        self._form = form
        self._shown = JsonObjects(_NAMES, original=form.original, most_bytes=_SHOWN_BYTES)
        self._kept: tuple[BinaryIO, ErrorPages] | None = None

    def add(self, rows_before: int, rejected: Rejected) -> None:
        """`rows_before` is how many rows of the file come before the block the rejects are of."""
        added = 0
        while added < len(rejected):
            file, pages = self._kept = self._kept or self._begin()
            part = _told(rejected.part(added, pages.room), rows_before)
            if not self.count:
                self.first_cause = _cause(next(iter(part)))
            file.write(self._form.lines(part))
            pages.add(self._shown.of(part))
            self.count, added = self.count + len(part), added + len(part)

    def put(self, blobs: BlobStore, prefix: str) -> dict[str, Any]:
        """Store both files under `prefix`; the part of the result that says where they are."""
        if self._kept is None:
            return {"rejects": None, "error_pages": None}
        blob = blobs.put(f"{prefix}/{self.name}", self._folder / self.name)
        file = {"name": self.name, "path": blob.path, "generation": blob.generation, "size_bytes": blob.size_bytes, "records": self.count}
        return {"rejects": file, "error_pages": self._kept[1].put(blobs, f"{prefix}/errors.json")}

    def close(self) -> None:
        """Nothing more is added."""
        for kept in self._kept or ():
            kept.close()

    def _begin(self) -> tuple[BinaryIO, ErrorPages]:
        file = (self._folder / self.name).open("wb")
        file.write(self._form.first_line())
        return file, ErrorPages(self._folder / "errors.json")


def _told(rejected: Rejected, rows_before: int) -> Rejected:
    """With rows that count from 1 in the file, and a reason for each."""
    return Rejected([rows_before + row + 1 for row in rejected.rows], list(map(_with_reason, rejected.abouts)), rejected.raws)


@lru_cache(ABOUTS)
def _with_reason(about: About) -> About:
    column, code, reason = about
    return column, code, reason or f"{PROBLEMS[code].title}."


def _cause(reject: Reject) -> str:
    plain = reject.column is not None and reject.column.isprintable() and len(reject.column) <= _PLAIN_CHARACTERS
    return f"row {reject.row} because of {reject.code}" + (f" in column {reject.column}" if plain else "")
