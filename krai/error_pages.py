"""Entries of JSON in one file, of which each page can be read alone: the rejected rows of an import, for the API to show.

The file is pages, each an array of `PAGE_ROWS` entries (the last one may have fewer), then the index: for each page where it begins, and
where the last one ends, as `INDEX_BYTES` octets of hexadecimal digits and a line feed.
"""

import itertools
import json
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

from krai.ports import BlobStore

PAGE_ROWS = 1000
INDEX_BYTES = 17


class ErrorPages:
    """Writes the file at `path`, over what may be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._page: list[str] = []
        self._begins = [0]

    @property
    def room(self) -> int:
        """How many entries the page takes that is being filled."""
        return PAGE_ROWS - len(self._page)

    def add(self, entries: Sequence[str]) -> None:
        """Objects of JSON, no more than there is `room` for."""
        self._page += entries
        if not self.room:
            self._end_page()

    def close(self) -> None:
        """Nothing more is added."""
        if self._page:
            self._end_page()
        self._file.write(b"".join(b"%0*x\n" % (INDEX_BYTES - 1, begin) for begin in self._begins))
        self._file.close()

    def put(self, blobs: BlobStore, path: str) -> dict[str, Any]:
        """Store the file, which is closed by now; what `read_entries` wants to know of it."""
        blob = blobs.put(path, self._path)
        return {"path": blob.path, "generation": blob.generation, "index": self._begins[-1], "page_rows": PAGE_ROWS}

    def _end_page(self) -> None:
        page = f"[{', '.join(self._page)}]".encode()
        self._file.write(page)
        self._begins.append(self._begins[-1] + len(page))
        self._page = []


def read_entries(blobs: BlobStore, pages: dict[str, Any], first: int, last: int) -> list[dict[str, Any]]:
    """The entries `first` to `last`, the latter not included; there are at least so many. Raises FileNotFoundError."""
    page_rows: int = pages["page_rows"]
    begin, end = first // page_rows, (last - 1) // page_rows + 1
    with blobs.open(pages["path"], generation=pages["generation"]) as file:
        index = _read(file, pages["index"] + INDEX_BYTES * begin, INDEX_BYTES * (end + 1 - begin))
        places = [int(line, 16) for line in index.split()]
        entries = []
        for start, stop in itertools.pairwise(places):
            entries += json.loads(_read(file, start, stop - start))
    return entries[first - begin * page_rows : last - begin * page_rows]


def _read(file: BufferedReader, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = b""
    while len(data) < size and (more := file.read1(size - len(data))):
        data += more
    return data
