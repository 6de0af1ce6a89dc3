"""What krai answers with: one model a shape, which renders it and describes it in OpenAPI."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from krai.job import Callback, CallbackState, Job, Kind, Outcome, Stage, Status, Tried, format_time

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]
Link = Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldProblem(Answer):
    pointer: Annotated[str, Field(description="RFC 6901 pointer into the body", examples=["/columns/0"])]
    code: str
    detail: str


class JobError(Answer):
    """Why a job failed, or why its last attempt did."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class Problem(JobError):
    """RFC 9457: `type` leads to a page about `code`."""

    instance: str
    request_id: str
    errors: list[FieldProblem] | None = None


class JobLinks(Answer):
    self: Link
    result: Link
    events: Link
    cancel: Link


class CallbackAnswer(Answer):
    """Who is told when the job has ended, and what came of telling."""

    url: Annotated[Link, Field(description="without its query")]
    state: Annotated[CallbackState, Field(description="failed: tried as often as it is tried; disabled: the receiver answered 410")]
    attempts: int
    last_status: Annotated[int | None, Field(description="HTTP status of the last answer")]
    last_error: Annotated[str | None, Field(description="why the last attempt failed: a code under `/problems`")]
    next_at: Annotated[Time | None, Field(description="when it is tried next")]

    @classmethod
    def of(cls, callback: Callback) -> Self:
        # A query may hold a secret, and jobs are shown to more than who has asked for them.
        url = urlsplit(callback.url)._replace(query="", fragment="").geturl()
        return cls(
            url=url,
            state=callback.state,
            attempts=callback.attempts,
            last_status=callback.last_status,
            last_error=callback.last_error,
            next_at=_time(callback.next_at),
        )


class WrittenFile(Answer):
    """A finished file of an export. `crc32c` is base64 of its big-endian bytes, as Cloud Storage has it."""

    name: str
    size_bytes: int
    records: int
    sha256: str
    crc32c: str

    @classmethod
    def of(cls, file: dict[str, Any], **more: Any) -> Self:
        return cls(**{name: file[name] for name in WrittenFile.model_fields}, **more)


class AttemptAnswer(Answer):
    """One attempt at a job; while it is under way it has neither end nor outcome."""

    number: Annotated[int, Field(description="one that was handed back does not count: the next has the same number")]
    worker: Annotated[str | None, Field(description="the process that had it, as the log names it; shown to admins alone")]
    started_at: Time
    ended_at: Time | None
    outcome: Annotated[
        Outcome | None,
        Field(description="handed_back: its worker was asked to stop; lost: nothing was heard of its worker until its lease had run out"),
    ]
    code: Annotated[str | None, Field(description="why it failed: a code under `/problems`")]
    stage: Annotated[Stage, Field(description="where it was when it ended")]
    records_processed: Annotated[int, Field(description="by then")]

    @classmethod
    def of(cls, tried: Tried, *, admin: bool) -> Self:
        return cls(
            number=tried.number,
            worker=tried.worker if admin else None,
            started_at=format_time(tried.started_at),
            ended_at=_time(tried.ended_at),
            outcome=tried.outcome,
            code=tried.code,
            stage=tried.stage,
            records_processed=tried.records_processed,
        )


class Phase(Answer):
    stage: Stage
    started_at: Time


class JobAnswer(Answer):
    """A job: what was asked for, how far it has come, what came of it."""

    job_id: str
    type: Kind
    status: Status
    progress: Annotated[int, Field(ge=0, le=100, description="never falls within an attempt; 100 only with COMPLETED")]
    stage: Stage
    records_processed: int
    records_total: int | None
    records_rejected: int
    bytes_processed: int
    files_written: Annotated[int, Field(description="files of a running export that are finished; an attempt begins with none")]
    files: Annotated[list[WrittenFile], Field(description="the newest of them, at most 20; `/jobs/{id}/files` lists all, with links")]
    phases: Annotated[list[Phase], Field(description="the stages that the latest attempt has come to")]
    attempt: int
    max_attempts: int
    attempts: Annotated[list[AttemptAnswer], Field(description="the latest 20, the first of them first")]
    dataset: str
    params: dict[str, Any]
    labels: dict[str, str]
    description: str
    created_by: str
    parent_job_id: str | None
    cancel_requested: bool
    created_at: Time
    started_at: Time | None
    updated_at: Time
    finished_at: Time | None
    expires_at: Annotated[Time | None, Field(description="when the files of the job are deleted")]
    error: JobError | None
    callback: CallbackAnswer | None
    links: JobLinks

    @classmethod
    def of(cls, job: Job, base_url: str, *, admin: bool = False) -> Self:
        """The job as its caller sees it, or an `admin`."""
        progress = job.progress
        link = f"{base_url}/api/v1/jobs/{job.job_id}"
        running = job.status is Status.PROCESSING
        return cls(
            job_id=job.job_id,
            type=job.type,
            status=job.status,
            progress=progress.percent,
            stage=progress.stage,
            records_processed=progress.records_processed,
            records_total=progress.records_total,
            records_rejected=progress.records_rejected,
            bytes_processed=progress.bytes_processed,
            files_written=progress.files_written if running else 0,
            files=[WrittenFile.of(file) for file in progress.files] if running else [],
            phases=[Phase.model_validate(phase) for phase in progress.phases],
            attempt=job.attempt,
            max_attempts=job.max_attempts,
            attempts=[AttemptAnswer.of(tried, admin=admin) for tried in job.tries],
            dataset=job.dataset,
            params=job.params,
            labels=job.labels,
            description=job.description,
            created_by=job.created_by,
            parent_job_id=job.parent_job_id,
            cancel_requested=job.cancel_requested,
            created_at=format_time(job.created_at),
            started_at=_time(job.started_at),
            updated_at=format_time(job.updated_at),
            finished_at=_time(job.finished_at),
            expires_at=_time(job.expires_at),
            error=None if job.error is None else JobError(**job.error),
            callback=None if job.callback is None else CallbackAnswer.of(job.callback),
            links=JobLinks(self=link, result=f"{link}/result", events=f"{link}/events", cancel=f"{link}/cancel"),
        )


class JobList(Answer):
    """Newest first."""

    jobs: list[JobAnswer]
    next_page_token: str | None


class ExportFile(WrittenFile):
    download_url: Link


class ExportFiles(Answer):
    """Finished files in the order of their rows. Links are new with every answer and live 15 minutes."""

    files: list[ExportFile]
    total: Annotated[int, Field(description="files that are finished by now")]
    url_expires_at: Time
    next_page_token: Annotated[str | None, Field(description="null at the end; while the job runs, of what is finished by now")]


class ExportResult(Answer):
    """`download_url` is the first file's. Links are new with every answer and live 15 minutes."""

    job_id: str
    type: Literal[Kind.EXPORT]
    status: Literal[Status.COMPLETED]
    download_url: Link | None
    url_expires_at: Time
    file_size_bytes: int
    records: int
    format: str
    dataset: str
    snapshot_id: str | None
    snapshot_time: Time | None
    complete: Annotated[bool, Field(description="false when `limit` or `size_mb` cut the export short")]
    files: Annotated[list[ExportFile], Field(description="at most the first 100; `/api/v1/jobs/{id}/files` lists all")]
    files_total: int
    manifest_url: Link
    manifest_signature_url: Annotated[
        Link | None,
        Field(description="a JWS over the bytes of the manifest; its keys are at `/.well-known/krai-keys.json`"),
    ]


class UploadAnswer(Answer):
    upload_id: str
    upload_url: Annotated[Link, Field(description="PUT the bytes here; no credential is needed")]
    method: Literal["PUT"] = "PUT"
    headers: Annotated[dict[str, str], Field(description="send these with the PUT")]
    protocol: Literal["gcs-resumable"] = "gcs-resumable"
    expires_at: Time


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
