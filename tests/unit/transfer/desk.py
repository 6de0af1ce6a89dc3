"""A place to run jobs at: real stores in a folder, and what a test wants to ask them."""

import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from krai import transitions
from krai.backends.local.blobs import LocalBlobStore
from krai.error_pages import read_entries
from krai.job import Job, Kind, Progress
from krai.transfer import work
from krai.transfer.tools import Limits, Outcome, Superseded, Tools
from krai.warehouse.iceberg import open_local
from krai.warehouse.port import Warehouse


@dataclass
class Listener:
    """Implements `Reporter` for a test: keeps what it hears, and allows commits while `allows` is set."""

    said: list[Progress] = field(default_factory=list)
    allows: bool = True
    asked: int = 0

    def progress(self, progress: Progress) -> None:
        self.said.append(progress)

    def may_commit(self) -> None:
        self.asked += 1
        if not self.allows:
            raise Superseded


class Desk:
    def __init__(self, folder: Path, warehouse: Warehouse | None = None) -> None:
        self.folder = folder
        self.tools = Tools(
            blobs=LocalBlobStore(folder / "blobs", b"k" * 32),
            warehouse=warehouse or open_local(folder / "warehouse"),
            spool=folder / "spool",
        )
        self.listener = Listener()
        self._files = 0

    def limit(self, **limits: int) -> None:
        self.tools = replace(self.tools, limits=Limits(**limits))

    def put(self, data: bytes) -> dict[str, Any]:
        """Store a file as an upload would; the job's source."""
        self._files += 1
        local = self.folder / "local"
        local.write_bytes(data)
        blob = self.tools.blobs.put(f"uploads/{self._files}", local)
        return {"path": blob.path, "generation": blob.generation}

    def job(self, kind: Kind, dataset: str = "things", *, source: dict[str, Any] | None = None, **params: Any) -> Job:
        now = datetime.now(UTC)
        job = transitions.new(kind, dataset, params, created_by="tests", now=now, source=source)
        return transitions.claim(job, "tests", now, 30)

    def drop_job(self, dataset: str = "things") -> Job:
        """The drop of the dataset that is there now."""
        there = self.tools.warehouse.describe(dataset)
        assert there is not None
        return self.job(Kind.DROP, dataset, snapshot_id=there.snapshot_id)

    def run(self, job: Job) -> Outcome:
        shutil.rmtree(self.tools.spool, ignore_errors=True)
        self.tools.spool.mkdir()
        return work.run(job, self.tools, self.listener)

    def load(self, data: bytes, dataset: str = "things", **params: Any) -> dict[str, Any]:
        return self.run(self.job(Kind.IMPORT, dataset, source=self.put(data), **params)).result

    def export(self, dataset: str = "things", **params: Any) -> dict[str, Any]:
        return self.run(self.job(Kind.EXPORT, dataset, **params)).result

    def content(self, path: str) -> bytes:
        with self.tools.blobs.open(path) as file:
            return file.read()

    def exported(self, dataset: str = "things", **params: Any) -> bytes:
        return self.content(self.export(dataset, **params)["files"][0]["path"])

    def table(self, dataset: str = "things") -> pa.Table:
        scan = self.tools.warehouse.scan(dataset)
        return pa.concat_tables([scan.schema.empty_table(), *(part() for part in scan.parts)])

    def types(self, dataset: str = "things") -> dict[str, str]:
        found = self.tools.warehouse.describe(dataset)
        assert found is not None
        return {column.name: column.type for column in found.columns}

    def errors(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        kept = result["rejects"]
        return [] if kept is None else read_entries(self.tools.blobs, result["error_pages"], 0, kept["records"])
