"""What krai answers with, typed. Fields that a newer krai adds are in `document`, which is the answer as it came."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from krai.client.model import Model

COMPLETED, FAILED, CANCELLED = "COMPLETED", "FAILED", "CANCELLED"
FINISHED = frozenset({COMPLETED, FAILED, CANCELLED})


@dataclass(frozen=True, kw_only=True)
class JobError(Model):
    """Why a job failed, or why its last attempt did; `code` is one of /problems."""

    code: str
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class Attempt(Model):
    """One attempt at a job. `outcome` is completed, failed, cancelled, handed_back or lost, and None while it is under way.

    `worker` is told to admins alone; `stage` and `records_processed` say where it was when it ended.
    """

    number: int
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    code: str | None = None
    worker: str | None = None
    stage: str = "queued"
    records_processed: int = 0


@dataclass(frozen=True, kw_only=True)
class Job(Model):
    """A job as it is now. `progress` is in percent."""

    job_id: str
    type: str
    status: str
    dataset: str = ""
    progress: int = 0
    stage: str = "queued"
    records_processed: int = 0
    records_total: int | None = None
    records_rejected: int = 0
    bytes_processed: int = 0
    attempt: int = 0
    max_attempts: int = 0
    attempts: tuple[Attempt, ...] = ()  # the latest, the first of them first
    params: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""
    created_by: str = ""
    parent_job_id: str | None = None
    cancel_requested: bool = False
    created_at: datetime | None = None
    started_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None
    error: JobError | None = None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True, kw_only=True)
class Jobs(Model):
    """Newest first; with `next_page_token` there are more."""

    jobs: tuple[Job, ...]
    next_page_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class ExportFile(Model):
    """A file of an export; the link is a permission for 15 minutes, and so in no repr."""

    name: str
    size_bytes: int
    records: int
    sha256: str
    crc32c: str
    download_url: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ExportFiles(Model):
    files: tuple[ExportFile, ...]
    total: int
    next_page_token: str | None = None


@dataclass(frozen=True, kw_only=True)
class Column(Model):
    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, kw_only=True)
class Result(Model):
    """What came of a COMPLETED job. Which fields it has goes by the `type` of the job; the others are None or empty."""

    job_id: str
    type: str
    dataset: str
    # of an export
    records: int | None = None
    file_size_bytes: int | None = None
    format: str | None = None
    complete: bool | None = None  # False: `limit` or `size_mb` left rows out
    files: tuple[ExportFile, ...] = ()  # the first 100
    files_total: int | None = None
    snapshot_id: str | None = None
    snapshot_time: datetime | None = None
    manifest_url: str | None = field(default=None, repr=False)
    manifest_signature_url: str | None = field(default=None, repr=False)
    # of an import
    records_processed: int | None = None
    records_inserted: int | None = None
    records_updated: int | None = None
    records_rejected: int | None = None
    rejects_url: str | None = field(default=None, repr=False)
    # of one with dry_run
    dry_run: bool = False
    bytes: int | None = None
    schema: tuple[Column, ...] = ()
    # of an undo
    records_removed: int | None = None
    records_restored: int | None = None
    records_kept: int | None = None


@dataclass(frozen=True, kw_only=True)
class Reject(Model):
    """A row that was not imported. `raw` is its beginning with `raw_cut`, and base64 with `raw_base64`."""

    row: int
    code: str
    detail: str
    column: str | None = None
    raw: Any = None
    raw_base64: bool = False
    raw_cut: bool = False


@dataclass(frozen=True, kw_only=True)
class Rejects(Model):
    errors: tuple[Reject, ...]
    total: int
    next_page_token: str | None = None
    rejects_url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Dataset(Model):
    name: str
    columns: tuple[Column, ...]
    rows: int
    bytes: int
    snapshot_id: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Datasets(Model):
    datasets: tuple[Dataset, ...]


@dataclass(frozen=True, kw_only=True)
class Snapshot(Model):
    """A state of a dataset, and the job that has made it; `as_of` of an export takes its id."""

    snapshot_id: str
    committed_at: datetime
    job_id: str
    mode: str
    rows: int
    records_inserted: int = 0
    records_updated: int = 0
    records_removed: int = 0
    records_restored: int = 0


@dataclass(frozen=True, kw_only=True)
class Snapshots(Model):
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, kw_only=True)
class Upload(Model):
    """Where a file is sent to; the address is a permission, and so in no repr."""

    upload_id: str
    upload_url: str = field(repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Key(Model):
    """An API key; `key`, its secret, is there once, when it is made or rotated."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    owner: str = ""
    email: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Keys(Model):
    keys: tuple[Key, ...]


@dataclass(frozen=True, kw_only=True)
class User(Model):
    """Somebody who may sign in. `role` is user or admin."""

    email: str
    role: str
    groups: tuple[str, ...] = ()
    added_at: datetime | None = None
    added_by: str = ""
    signed_in: bool = False


@dataclass(frozen=True, kw_only=True)
class Users(Model):
    users: tuple[User, ...]


@dataclass(frozen=True, kw_only=True)
class Me(Model):
    """Who calls, as krai sees it; an `admin` sees and may do everything."""

    id: str
    scopes: tuple[str, ...]
    admin: bool = False
    email: str | None = None
    groups: tuple[str, ...] = ()
