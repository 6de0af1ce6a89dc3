"""A job: what was asked, how far it has come, and what came of it. `krai.transitions` says how it changes."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self


class Kind(StrEnum):
    EXPORT = "export"
    IMPORT = "import"
    DROP = "drop"
    UNDO = "undo"


WRITERS = frozenset({Kind.IMPORT, Kind.UNDO})  # they leave files in the warehouse until they have committed


class Status(StrEnum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})


class Stage(StrEnum):
    QUEUED = "queued"
    FETCHING = "fetching"
    READING = "reading"
    WRITING = "writing"
    UPLOADING = "uploading"
    COMMITTING = "committing"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an attempt has come. Rows and bytes only grow within an attempt; `percent` is 0 to 99 until the job completes."""

    stage: Stage = Stage.QUEUED
    percent: int = 0
    records_processed: int = 0
    records_total: int | None = None
    records_rejected: int = 0
    bytes_processed: int = 0
    files_written: int = 0  # of an export, finished and stored
    files: tuple[dict[str, Any], ...] = ()  # the newest of them, as `krai.export_files` keeps them
    phases: tuple[dict[str, str], ...] = ()  # the stages it has come to, each with its `stage` and `started_at`, as its worker saw them

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        return cls(**{**doc, "stage": Stage(doc["stage"]), "files": tuple(doc.get("files", ())), "phases": tuple(doc.get("phases", ()))})


class Outcome(StrEnum):
    """How an attempt has ended. One that failed may be followed by another: the job's own state says whether it was."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HANDED_BACK = "handed_back"  # its worker was asked to stop; it does not count
    LOST = "lost"  # nothing was heard of its worker until its lease had run out


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt, as it is remembered. While it is under way, `ended_at` and `outcome` are None, and the job itself says how far it is."""

    number: int  # as counted: one that was handed back and the next have the same
    worker: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    code: str | None = None  # why it failed, one of krai/errors.py
    stage: Stage = Stage.QUEUED  # where it was when it ended, as far as was heard
    records_processed: int = 0

    def to_doc(self) -> dict[str, Any]:
        ended_at = None if self.ended_at is None else format_time(self.ended_at)
        return {**asdict(self), "started_at": format_time(self.started_at), "ended_at": ended_at}

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        ended_at = None if doc["ended_at"] is None else parse_time(doc["ended_at"])
        outcome = None if doc["outcome"] is None else Outcome(doc["outcome"])
        started_at = parse_time(doc["started_at"])
        return cls(**{**doc, "started_at": started_at, "ended_at": ended_at, "outcome": outcome, "stage": Stage(doc["stage"])})


class CallbackState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"  # tried as often as it is tried
    DISABLED = "disabled"  # the receiver wants no more of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """Who is to be told of a job's end, and how far that has come: the `callback_url` of its request, or a registered webhook."""

    url: str  # a webhook's is empty, for it is looked up when it is called
    base_url: str  # where whoever asked for the job, or registered the webhook, reaches krai: what is told has links
    webhook_id: str | None = None
    state: CallbackState = CallbackState.PENDING
    attempts: int = 0
    next_at: datetime | None = None  # when to try; None: the job has not ended, or there is nothing left to try
    last_at: datetime | None = None  # when the last attempt began
    last_status: int | None = None  # HTTP status of the last answer
    last_error: str | None = None  # why the last attempt failed, a code of krai/errors.py

    def to_doc(self) -> dict[str, Any]:
        times = {name: getattr(self, name) for name in ("next_at", "last_at")}
        return {**asdict(self), **{name: None if moment is None else format_time(moment) for name, moment in times.items()}}

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        times = {name: None if doc.get(name) is None else parse_time(doc[name]) for name in ("next_at", "last_at")}
        return cls(**{**doc, "state": CallbackState(doc["state"]), **times})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    job_id: str
    type: Kind
    dataset: str
    created_by: str  # the principal that may see it
    tenant: str | None = None  # of the issuer that vouches for that one
    created_at: datetime
    updated_at: datetime
    params: dict[str, Any] = field(default_factory=dict)  # the validated request as clients see it, defaults filled in
    source: dict[str, Any] | None = None  # an import's bytes: {"path", "generation"} in the blob store, {"url"}, or {"bucket", "path"}
    # "rejects_of" beside these: the replace whose mended rejects they are, without whose rows they are not imported
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""
    parent_job_id: str | None = None
    callback: Callback | None = None
    deliveries: tuple[Callback, ...] = ()  # to the webhooks that wanted to hear of its end when it ended
    traceparent: str | None = None  # W3C Trace Context of the request that asked for it
    status: Status = Status.PENDING
    progress: Progress = field(default_factory=Progress)
    attempt: int = 0
    max_attempts: int = 5
    tries: tuple[Tried, ...] = ()  # its latest attempts, the last one may be under way
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime | None = None  # when the files of a finished job are deleted
    error: dict[str, Any] | None = None  # KraiError.to_doc() of the failure, or of the last attempt that did not work
    result: dict[str, Any] | None = None  # what the child reported: files or counts; never a signed link
    cancel_requested: bool = False
    # -- the machine's own fields, not shown to clients -------------------------------------------------------------------
    revision: int = 0  # set by the store: grows with every write
    epoch: int = 0  # grows with every claim
    lease_owner: str | None = None
    lease_until: datetime | None = None
    run_after: datetime | None = None  # back-off: a PENDING job is not claimed before this
    due_at: datetime | None = None  # when the sweep must look at this job; None: never
    held: bool = False  # its caller has its share in the queue already: nobody is told of this job until its turn comes
    crowded: bool = False  # its caller may have held jobs: whoever finishes this one looks for the next
    delete_at: datetime | None = None  # when a finished job is gone for readers, and the store may delete it
    parts_at: datetime | None = None  # when to remove what a finished import has left in the warehouse; None: nothing is left
    crashes: int = 0  # children that died while running it
    may_have_committed: bool = False  # a worker was allowed to commit: the dataset may have the rows, so it is too late to cancel

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def waits_since(self) -> datetime | None:
        """From when on a worker may claim it, of a job that waits for nothing else: its back-off is over then. None for all others."""
        return (self.run_after or self.updated_at) if self.status is Status.PENDING and not self.held else None

    @property
    def callbacks(self) -> tuple[Callback, ...]:
        """All who are to be told of its end."""
        return (*(() if self.callback is None else (self.callback,)), *self.deliveries)

    @property
    def deleted(self) -> bool:
        """True when somebody has deleted it, and it is not only past its time."""
        return self.delete_at is not None and self.delete_at <= self.updated_at

    def to_doc(self) -> dict[str, Any]:
        """The job as JSON types, times in RFC 3339 with microseconds so that their text sorts like the times."""
        doc: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, datetime):
                value = format_time(value)
            elif isinstance(value, Progress):
                value = asdict(value)
            elif isinstance(value, Callback):
                value = value.to_doc()
            elif item.name == "deliveries":
                value = [delivery.to_doc() for delivery in value]
            elif item.name == "tries":
                value = [tried.to_doc() for tried in value]
            doc[item.name] = value
        return doc

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        values = {item.name: doc[item.name] for item in fields(cls) if item.name in doc}
        for name, value in values.items():
            if name.endswith(("_at", "_until", "_after")) and isinstance(value, str):
                values[name] = parse_time(value)
        if (callback := values.get("callback")) is not None:
            values["callback"] = Callback.from_doc(callback)
        values["deliveries"] = tuple(map(Callback.from_doc, values.get("deliveries", ())))
        values["tries"] = tuple(map(Tried.from_doc, values.get("tries", ())))
        progress = Progress.from_doc(values["progress"])
        return cls(**{**values, "type": Kind(values["type"]), "status": Status(values["status"]), "progress": progress})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How many jobs of a caller are unfinished, and how many of these are held."""

    unfinished: int
    held: int

    @property
    def out(self) -> int:
        return self.unfinished - self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What workers have to do: jobs that wait and may be claimed, jobs that some worker has, and since when the first of those waits."""

    waiting: int
    processing: int
    waits_since: datetime | None


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC with six digits, e.g. `2026-01-31T12:00:00.000000Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def new_id() -> str:
    """128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)
