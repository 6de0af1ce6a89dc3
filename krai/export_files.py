"""The files of an export while it runs and after: stored as soon as each is finished, and listed in the order of the rows.

A job shows the newest few. All of them stand in pages beside the files, so a job's own document stays small however many there are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from krai.errors import Terminal
from krai.job import Job, Status
from krai.ports import BlobStore

MOST_FILES = 10_000
PAGE_FILES = 20
IN_RESULT = 100  # so many files stand in the result itself

File = dict[str, Any]


def prefix(job: Job) -> str:
    """Where the files of the job's current attempt are, with a slash at the end."""
    return f"jobs/{job.job_id}/e{job.epoch}/"


@dataclass(slots=True)
class Written:
    """The files of one attempt, as it stores them."""

    blobs: BlobStore
    job: Job
    spool: Path
    files: list[File] = field(default_factory=list)

    def put(self, source: Path, name: str, **about: Any) -> None:
        """Move the local file `source` to the others; `about` is what is said of it."""
        blob = self.blobs.put(prefix(self.job) + name, source)
        self.files.append({"name": name, "path": blob.path, "generation": blob.generation, **about})
        if len(self.files) % PAGE_FILES == 0:
            self._put_page()

    @property
    def newest(self) -> tuple[File, ...]:
        return tuple(self.files[-PAGE_FILES:])

    def finish(self) -> None:
        """The last page, where the result alone does not hold them all."""
        if len(self.files) > IN_RESULT and len(self.files) % PAGE_FILES:
            self._put_page()

    def _put_page(self) -> None:
        number = (len(self.files) - 1) // PAGE_FILES
        page = self.spool / "page"
        page.write_text(json.dumps(self.files[number * PAGE_FILES :]), encoding="utf-8")
        self.blobs.put(_page(prefix(self.job), number), page)


@dataclass(frozen=True, slots=True)
class Listed:
    """What a reader of the job knows of its files: how many there are, and some that follow one another."""

    prefix: str
    total: int
    known: Sequence[File]
    known_first: int

    @classmethod
    def of(cls, job: Job) -> "Listed":
        if job.status is Status.COMPLETED:
            result = job.result or {}
            files = result.get("files", ())
            return cls(result.get("prefix", ""), result.get("files_total", len(files)), files, 0)
        written = job.progress.files_written if job.status is Status.PROCESSING else 0
        return cls(prefix(job), written, job.progress.files, written - len(job.progress.files))

    def read(self, blobs: BlobStore, first: int, last: int) -> list[File]:
        """The files `first` to `last` (the latter not included). Raises Terminal result_expired when an attempt's are gone."""
        files: list[File] = []
        while first < min(last, self.total):
            place = first - self.known_first
            if 0 <= place < len(self.known):
                files.append(self.known[place])
                first += 1
                continue
            number = first // PAGE_FILES
            page = _read_page(blobs, self.prefix, number)
            files += page[first - number * PAGE_FILES : last - number * PAGE_FILES]
            first = (number + 1) * PAGE_FILES
        return files


def _page(folder: str, number: int) -> str:
    return f"{folder}pages/{number:06d}.json"


def _read_page(blobs: BlobStore, folder: str, number: int) -> list[File]:
    try:
        with blobs.open(_page(folder, number)) as file:
            page: list[File] = json.load(file)
    except FileNotFoundError:
        raise Terminal("result_expired") from None
    return page
