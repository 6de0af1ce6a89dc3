"""Entries come back from any place of the file, whatever pages they are on."""

import json
from pathlib import Path

import pytest

from krai.backends.local.blobs import LocalBlobStore
from krai.error_pages import PAGE_ROWS, ErrorPages, read_entries

COUNT = 2 * PAGE_ROWS + 345


def test_an_empty_page_is_not_begun(tmp_path: Path) -> None:
    pages = ErrorPages(tmp_path / "errors.json")
    pages.add(["1"] * (PAGE_ROWS - 1))
    assert pages.room == 1
    pages.add(["2"])
    assert pages.room == PAGE_ROWS
    pages.close()
    assert (tmp_path / "errors.json").read_bytes().count(b"[") == 1


@pytest.mark.parametrize(
    ("first", "last"),
    [(0, 1), (0, COUNT), (PAGE_ROWS - 1, PAGE_ROWS + 1), (PAGE_ROWS, 2 * PAGE_ROWS), (2 * PAGE_ROWS, COUNT), (COUNT - 1, COUNT)],
)
def test_entries_come_back_from_any_place(tmp_path: Path, first: int, last: int) -> None:
    entries = [{"row": row, "raw": "ü" * (row % 7)} for row in range(COUNT)]
    pages = ErrorPages(tmp_path / "errors.json")
    for entry in entries:
        pages.add([json.dumps(entry, ensure_ascii=False)])
    pages.close()
    blobs = LocalBlobStore(tmp_path / "blobs", b"secret")
    told = json.loads(json.dumps(pages.put(blobs, "jobs/a/errors.json")))
    assert read_entries(blobs, told, first, last) == entries[first:last]


def test_pages_that_are_gone_are_not_found(tmp_path: Path) -> None:
    pages = ErrorPages(tmp_path / "errors.json")
    pages.add(["1"])
    pages.close()
    blobs = LocalBlobStore(tmp_path / "blobs", b"secret")
    told = pages.put(blobs, "jobs/a/errors.json")
    blobs.delete("jobs/")
    with pytest.raises(FileNotFoundError):
        read_entries(blobs, told, 0, 1)
