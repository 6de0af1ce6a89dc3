"""Where the Parquet file of a part waits for BigQuery: on this machine's disk, or in the bucket."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from krai import failpoint
from krai.warehouse.bigquery.bucket import Bucket
from krai.warehouse.bigquery.jobs import Jobs


class Waiting(Protocol):
    def begin(self) -> Any:
        """The file, to be written once."""

    def load(self, jobs: Jobs, table: str, job_id: str, *, label: str) -> None:
        """What was written becomes rows of the table. Raises what `Jobs.load` raises."""

    def remove(self) -> None: ...


class OnDisk:
    """Goes to BigQuery with the request that loads it."""

    def __init__(self, spool: Path) -> None:
        spool.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=spool)  # noqa: SIM115 (closed by `remove`)

    def begin(self) -> Any:
        return self._file

    def load(self, jobs: Jobs, table: str, job_id: str, *, label: str) -> None:
        self._file.seek(0)
        jobs.load(self._file, table, job_id, label=label)

    def remove(self) -> None:
        self._file.close()


@dataclass(slots=True)
class InBucket:
    """BigQuery fetches it there."""

    bucket: Bucket
    path: str
    _file: Any = None

    def begin(self) -> Any:
        self._file = self.bucket.begin(self.path)
        return self._file

    def load(self, jobs: Jobs, table: str, job_id: str, *, label: str) -> None:
        self._file.close()
        failpoint.reach("after_stage")
        jobs.load(f"gs://{self.path}", table, job_id, label=label)

    def remove(self) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self.bucket.remove(self.path)
