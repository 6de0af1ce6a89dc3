"""Rows that stayed out: one file to mend and import again, and pages of JSON for the API to show.

The file of delimited text is of the same dialect and encoding: number, column, code and reason, then the row's bytes as they came, under
the header as it came. Of other sources it is NDJSON with the record as it came in `_krai_raw`. Pages have at most `PAGE_ROWS` entries
`{row, column, code, detail, raw}`; `raw` is cut at 4 KiB there (`raw_cut`), and base64 when it is not UTF-8 (`raw_base64`).
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from krai.errors import PROBLEMS
from krai.formats.json_lines import RAW, RAW_BASE64
from krai.formats.reading import OWN_COLUMNS, About, Reject, RejectsForm
from krai.pipeline import in_order
from krai.ports import BlobStore

PAGE_ROWS = 1000
_PUTS = 4  # at once: a page takes its store long for its size
_SHOWN_BYTES = 4096
_PLAIN_CHARACTERS = 64


class Rejects:
    """Collects rejects in `folder`, over what an earlier pass has left there, in `form` or as NDJSON."""

    def __init__(self, folder: Path, form: RejectsForm | None) -> None:
        self.count = 0
        self.first_cause = ""
        self._folder = folder
        self._form = form
        self._file: BinaryIO | None = None
        self._page: list[dict[str, Any]] = []
        self._pages: list[Path] = []

    @property
    def name(self) -> str:
        return f"rejects.{'ndjson' if self._form is None else self._form.extension}"

    def add(self, rows_before: int, rejects: Sequence[Reject]) -> None:
        """`rows_before` is how many rows of the file come before the block the rejects are of."""
        if not rejects:
            return
        if not self.count:
            self.first_cause = _cause(rows_before + rejects[0].row + 1, rejects[0])
        self.count += len(rejects)
        lines = []
        # No other thread parses while Python is at work here, so this is kept short.
        for place, column, code, detail, raw in rejects:
            row, about = rows_before + place + 1, (column, code, detail or _title(code))
            lines.append(_as_json(row, about, raw) if self._form is None else self._form.line(row, about, raw))
            self._page.append(_shown(row, about, raw, self._form))
            if len(self._page) == PAGE_ROWS:
                self._end_page()
        self._write(b"".join(lines))

    def put(self, blobs: BlobStore, prefix: str) -> dict[str, Any]:
        """Store file and pages under `prefix`; the part of the result that says where they are."""
        file = None
        if self.count:
            if self._page:
                self._end_page()
            blob = blobs.put(f"{prefix}/{self.name}", self._folder / self.name)
            file = {
                "name": self.name,
                "path": blob.path,
                "generation": blob.generation,
                "size_bytes": blob.size_bytes,
                "records": self.count,
            }
        for _ in in_order(lambda page: blobs.put(f"{prefix}/errors/{page.name}", page), self._pages, ahead=_PUTS, threads=_PUTS):
            pass
        pages = {"prefix": f"{prefix}/errors/", "pages": len(self._pages), "page_rows": PAGE_ROWS}
        return {"rejects": file, "error_pages": pages}

    def close(self) -> None:
        """Nothing more is added."""
        if self._file is not None:
            self._file.close()

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = (self._folder / self.name).open("wb")
            if self._form is not None:
                self._file.write(self._form.first_line())
        self._file.write(line)

    def _end_page(self) -> None:
        path = self._folder / f"{len(self._pages):06}.json"
        path.write_text(json.dumps(self._page, ensure_ascii=False), encoding="utf-8")
        self._pages.append(path)
        self._page = []


def _title(code: str) -> str:
    return f"{PROBLEMS[code].title}."


def _as_json(row: int, about: About, raw: bytes) -> bytes:
    text, is_base64 = _text(raw, None)
    doc = {**dict(zip(OWN_COLUMNS, (row, *about), strict=True)), RAW: text}
    if is_base64:
        doc[RAW_BASE64] = True
    return json.dumps(doc, ensure_ascii=False).encode() + b"\n"


def _cause(row: int, reject: Reject) -> str:
    plain = reject.column is not None and reject.column.isprintable() and len(reject.column) <= _PLAIN_CHARACTERS
    return f"row {row} because of {reject.code}" + (f" in column {reject.column}" if plain else "")


def _shown(row: int, about: About, raw: bytes, form: RejectsForm | None) -> dict[str, Any]:
    column, code, told = about
    text, is_base64 = _text(raw, form, _SHOWN_BYTES)
    doc: dict[str, Any] = {"row": row, "column": column, "code": code, "detail": told, "raw": text}
    if len(raw) > _SHOWN_BYTES:
        doc["raw_cut"] = True
    if is_base64:
        doc["raw_base64"] = True
    return doc


def _text(raw: bytes, form: RejectsForm | None, at_most: int | None = None) -> tuple[str, bool]:
    """The bytes as text, or as base64 and true: then as the file has them."""
    try:
        if at_most is None or len(raw) <= at_most:
            return raw.decode(), False
        # Of a character that is cut in two nothing is shown.
        raw.decode()
        return raw[:at_most].decode(errors="ignore"), False
    except UnicodeDecodeError:
        original = raw if form is None else form.original(raw)
        return base64.b64encode(original[:at_most]).decode(), True
