"""What a child is given to run one job with, and how it speaks to its worker while it runs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from krai.dataset import Dataset
from krai.formats.reading import BLOCK_BYTES
from krai.job import Progress
from krai.outbound.connect import Outbound
from krai.ports import BlobStore, Files
from krai.signature import SigningKey
from krai.warehouse.port import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an import refuses to go beyond, in bytes, rows and columns; `block_bytes` of a file are parsed at once."""

    source_bytes: int = 10 << 30
    unpacked_bytes: int = 50 << 30
    row_bytes: int = 16 << 20
    columns: int = 10_000
    column_name_bytes: int = 255
    block_bytes: int = BLOCK_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """`spool` is a local folder of this job's own: made before it runs and removed after it, whatever happens.

    `outbound` leads to the sources of URL imports, `bucket` to a bucket of Cloud Storage by its name, where there is Cloud Storage;
    `signing_key` signs manifests, None: nobody does.
    """

    blobs: BlobStore
    warehouse: Warehouse
    spool: Path
    limits: Limits = field(default_factory=Limits)
    url_imports: bool = False
    outbound: Outbound = field(default_factory=Outbound)
    bucket: Callable[[str], Files] | None = None
    signing_key: SigningKey | None = None


class Reporter(Protocol):
    """The child's only words to its worker."""

    def progress(self, progress: Progress) -> None:
        """Say how far the job has come; cheap to call often."""

    def may_commit(self) -> None:
        """Return once the worker has written the job's stage `committing`: from here on the job is not cancelled any more.

        Raises Superseded when the job is no longer this worker's, or was cancelled.
        """


class Superseded(Exception):
    """The job belongs to somebody else now, or was cancelled: stop, leave nothing visible, report nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a job: `result` becomes `Job.result`; `dataset` the new state of the dataset it changed.

    `dropped` is the newest snapshot of the dataset that is gone.
    """

    result: dict[str, Any]
    dataset: Dataset | None = None
    dropped: str | None = None
