"""What krai needs from the world. Each port has one contract suite in `tests/contract` that all its backends pass.

`JobStore`, `JobQueue` and `Directory` are asynchronous: the API and the worker loop wait on them. `BlobStore` (and `Warehouse`,
in `krai.warehouse.port`) block: children use them directly, the API in a thread.
Backends raise `Transient("store_busy", …)` for anything that may pass, and `Conflict` when a compare-and-set lost.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from krai.dataset import Dataset
from krai.job import Backlog, Job, Kind, Standing, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyRecord:
    """What an `Idempotency-Key` was first used for.

    `scope` is a digest of caller, method, path and key; `fingerprint` a digest of the body; `answer` what the first request was
    answered with (JSON types: status, headers, body). Records vanish at `expires_at`, for readers at once.
    """

    scope: str
    fingerprint: str
    answer: dict[str, Any]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list, newest first; `after` is the `next_page` of the page before."""

    created_by: str | None = None  # None: everybody's
    type: Kind | None = None
    status: Status | None = None
    dataset: str | None = None
    label: tuple[str, str] | None = None
    page_size: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: Sequence[Job]
    next_page: str | None


class JobStore(Protocol):
    """Jobs, idempotency records and the list of datasets: the truth about what was asked and what came of it."""

    def now(self) -> datetime:
        """The store's clock in UTC. Leases are judged by it and never by a process's own clock."""

    async def create(self, job: Job, record: IdempotencyRecord | None = None) -> Job | IdempotencyRecord:
        """Write the job and its record, durably and both or neither.

        Returns the job with its revision when it was written; the earlier record when `record.scope` is taken (then nothing was
        written). Raises Conflict when there is another job of that id; the same job again is no other one: whoever got no answer
        may ask once more.
        """

    async def remember(self, record: IdempotencyRecord) -> IdempotencyRecord | None:
        """Write a record that belongs to no job. Returns None when it was written, else the earlier record of its scope."""

    async def recall(self, scope: str) -> IdempotencyRecord | None: ...

    async def get(self, job_id: str) -> Job | None:
        """The job; None when there is none, or its `delete_at` has passed: then it only waits for the sweep."""

    async def swap(self, seen: Job, then: Job) -> Job:
        """Write `then` if the stored job still has `seen.revision`; returns it with its new revision. Raises Conflict."""

    async def delete(self, seen: Job) -> None:
        """Remove the job if it still has `seen.revision`. Raises Conflict."""

    async def find(self, query: JobQuery) -> JobPage:
        """A page of what `get` would give; it may hold fewer jobs than asked for although others follow."""

    async def delivered(self, webhook_id: str, *, page_size: int, after: str | None) -> JobPage:
        """The jobs with a delivery to this webhook, those that ended last first; else as `find`."""

    async def due(self, limit: int) -> Sequence[Job]:
        """Jobs whose `due_at` has passed, longest overdue first."""

    async def changed(self, since: datetime, limit: int) -> Sequence[Job]:
        """Jobs whose `updated_at` is not before `since`, in its order, also those that `get` does not give any more."""

    def hear(self, heard: Callable[[Job], object]) -> AbstractContextManager[None]:
        """Within the block `heard` is given every job that this process creates or swaps, as it was written. `changed` has them too, and
        those whose writer did not wait for the end of its write."""

    async def backlog(self) -> Backlog: ...

    async def standing(self, created_by: str) -> Standing: ...

    async def bytes_of(self, created_by: str, day: date) -> int:
        """The bytes processed by the caller's jobs of this UTC day, whether they are still there or were deleted on that day."""

    async def oldest_held(self, created_by: str) -> Job | None: ...

    async def held_callers(self) -> Sequence[str]: ...

    async def wait(self, job_id: str, seen_revision: int, timeout_s: float) -> Job | None:
        """The job as soon as its revision is not `seen_revision` (also when another process changed it), or as it is after
        `timeout_s` seconds; None when there is no such job."""

    async def put_dataset(self, dataset: Dataset) -> None:
        """Keep what is known of a dataset; of two writes the one with the later `updated_at` stays, with the snapshots of both."""

    async def get_dataset(self, name: str, *, max_age_s: float = 0) -> Dataset | None:
        """The dataset as it is, or as it was so many seconds ago; None when there is none."""

    async def list_datasets(self) -> Sequence[Dataset]:
        """All datasets by name."""

    async def drop_dataset(self, name: str, snapshot_id: str) -> None:
        """Forget a dataset whose newest snapshot is known to be this one; nothing happens when it is another, or there is none."""

    async def check(self) -> None:
        """Returns when the store answers. Raises Transient."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One wake-up message, leased to one puller. `job_id` is None when the message could not be read."""

    ack_id: str
    job_id: str | None
    deliveries: int = 1


class JobQueue(Protocol):
    """Wake-up calls. At least once, in any order; a lost message costs time but no job, for the sweep publishes it again.

    `system` and `topic` are what OpenTelemetry's conventions call messaging.system and messaging.destination.name.
    """

    system: str
    topic: str

    async def publish(self, job: Job) -> None: ...

    async def pull(self, limit: int, *, wait_s: float, lease_s: float) -> Sequence[Delivery]:
        """Up to `limit` messages as soon as there is one, or none after `wait_s` seconds.

        A message that is neither acked, extended, delayed nor buried within `lease_s` seconds comes again.
        """

    async def ack(self, delivery: Delivery) -> None: ...

    async def extend(self, delivery: Delivery, lease_s: float) -> None: ...

    async def delay(self, delivery: Delivery, delay_s: float) -> None:
        """Give the message back; it comes again after `delay_s` seconds."""

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Move the message to the dead-letter queue."""

    async def pull_buried(self, limit: int) -> Sequence[Delivery]:
        """Messages of the dead-letter queue, leased for half a minute or so; `ack` removes them. Does not wait for any."""

    async def check(self) -> None: ...

    async def close(self) -> None: ...


class Directory(Protocol):
    """Small documents that operators change and everybody reads, by collection (`sources`, `settings`, …) and name."""

    async def get(self, collection: str, name: str) -> dict[str, Any] | None: ...

    async def put(self, collection: str, name: str, doc: dict[str, Any]) -> None: ...

    async def delete(self, collection: str, name: str) -> None: ...

    async def change(
        self, collection: str, name: str, step: Callable[[dict[str, Any] | None], dict[str, Any] | None]
    ) -> dict[str, Any] | None:
        """Put `step(document)` in the document's place, with no other write in between; returns it.

        `step` gets None when there is no document, and gives None to have none. It may be called more than once, each time with the
        document as it is by then; what it raises is raised here, and nothing is written.
        """

    async def list(self, collection: str) -> Sequence[tuple[str, dict[str, Any]]]:
        """All documents of a collection by name."""

    async def check(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A stored file. `generation` changes whenever the content under `path` is replaced."""

    path: str
    size_bytes: int
    generation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """Where a client PUTs a file, as the `gcs-resumable` protocol has it."""

    url: str
    expires_at: datetime
    headers: dict[str, str] = field(default_factory=dict)


class Files(Protocol):
    """Files that can be read, by path."""

    def open(self, path: str, *, generation: str | None = None) -> BufferedReader:
        """The content from its beginning, and any part of it: `read1` fetches no more than it is asked for.

        Raises FileNotFoundError; Terminal source_changed when another generation stands there.
        """

    def stat(self, path: str) -> Blob | None: ...


class BlobStore(Files, Protocol):
    """Files by path (`a/b/c`, no leading slash). Written once, never changed, deleted by prefix."""

    def put(self, path: str, source: Path) -> Blob:
        """Move the local file `source` to `path`, durably; the local file is gone afterwards.

        Create-only: raises FileExistsError when there is one. Raises Terminal disk_full.
        """

    def list(self, prefix: str) -> Iterator[Blob]:
        """The files whose path begins with `prefix` (a folder name with its slash), by path."""

    def delete(self, prefix: str) -> int:
        """Remove all files whose path begins with `prefix`; returns how many there were."""

    def link(self, path: str, *, generation: str, filename: str, ttl_s: int) -> str:
        """A URL that downloads this generation of the file under `filename` for `ttl_s` seconds. A leading `/` means: on krai's own
        host. Raises Transient links_unavailable when nothing can be signed at the moment."""

    def open_upload(self, path: str, *, size_bytes: int | None, ttl_s: int, origin: str | None = None) -> UploadSession:
        """Let a client write one file to `path`, of exactly `size_bytes` if given. The file appears when it is complete.

        `origin` is that of the browser page that will send it (RFC 6454), None for any other client.
        """

    def sweep_uploads(self, older_than_s: float) -> int:
        """Remove uploads that were not finished and that nobody has written to for so long; returns how many."""

    def check(self) -> None: ...


class OpenUpload(Protocol):
    """An upload under way. What was appended stays, so a client that comes back goes on from `received_bytes`."""

    received_bytes: int
    expected_bytes: int | None  # the size agreed when the upload was opened
    complete: bool  # the file stands under its path; nothing can be appended any more

    def append(self, data: bytes) -> None: ...

    def finish(self, digests: Sequence[tuple[str, str]] = ()) -> None:
        """Make the file appear under its path, if it has all `digests`: pairs of `md5` or `crc32c` and base64, as Cloud Storage has them.

        Raises Terminal upload_conflict when bytes are missing; upload_mismatch, and then nothing is kept.
        """

    def close(self) -> None:
        """Keep what has arrived."""


@runtime_checkable
class ServedBlobs(Protocol):
    """A blob store without a server of its own: the API answers its links (`/files/…`) and takes its uploads (`/uploads/…`)."""

    def resolve_link(self, path: str, query: str) -> tuple[Path, str]:
        """The file and download name of a link. Raises Terminal invalid_link (forged, expired), not_found (gone)."""

    def resume_upload(self, path: str, query: str) -> OpenUpload:
        """The upload behind a session's URL. Raises Terminal invalid_link (forged, expired); upload_conflict (another request
        is writing to it)."""


@dataclass(frozen=True, slots=True)
class Stores:
    """The backends of one mode, as the API and the worker loop share them."""

    jobs: JobStore
    queue: JobQueue
    blobs: BlobStore
    directory: Directory
