"""Jobs: asked for, looked at, steered. Each raises Problem and Unreachable, as all flows do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from krai.client.models import ExportFiles, Job, Jobs, Rejects, Result
from krai.client.problem import Problem
from krai.client.sending import Session, ask, document, send
from krai.client.steps import Flow, Request

JOBS = "/api/v1/jobs"


def create_export(session: Session, /, dataset: str, *, idempotency_key: str | None = None, **request: Any) -> Flow[Job]:
    """Ask for an export; `request` has the other fields of `POST /api/v1/exports`."""
    return (yield from _create(session, "exports", {"dataset": dataset, **request}, idempotency_key))


def create_import(
    session: Session, /, dataset: str, source: str | Mapping[str, Any], *, idempotency_key: str | None = None, **request: Any
) -> Flow[Job]:
    """Ask for an import; `source` and `request` are as `POST /api/v1/imports` has them."""
    return (yield from _create(session, "imports", {"dataset": dataset, "source": source, **request}, idempotency_key))


def _create(session: Session, noun: str, body: Mapping[str, Any], idempotency_key: str | None) -> Flow[Job]:
    headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
    return Job.of((yield from ask(session, "POST", f"/api/v1/{noun}", body=body, headers=headers)))


def job(session: Session, job_id: str) -> Flow[Job]:
    return Job.of((yield from ask(session, "GET", path(job_id))))


def jobs(
    session: Session,
    *,
    type: str | None = None,  # noqa: A002 - as the API calls it
    status: str | None = None,
    dataset: str | None = None,
    label: str | None = None,
    page_size: int | None = None,
    page_token: str | None = None,
) -> Flow[Jobs]:
    """A page of jobs; `label` is `name:value`."""
    asked = {"type": type, "status": status, "dataset": dataset, "label": label, "page_size": page_size, "page_token": page_token}
    return Jobs.of((yield from ask(session, "GET", JOBS, params=asked)))


def result(session: Session, job_id: str) -> Flow[Result]:
    """What came of a COMPLETED job, with links that live 15 minutes."""
    return Result.of((yield from ask(session, "GET", f"{path(job_id)}/result")))


def files(session: Session, job_id: str, *, page_token: str | None = None) -> Flow[ExportFiles]:
    """A page of the finished files of an export, with links that live 15 minutes."""
    return ExportFiles.of((yield from ask(session, "GET", f"{path(job_id)}/files", params={"page_token": page_token})))


def rejects(session: Session, job_id: str, *, page_size: int | None = None, page_token: str | None = None) -> Flow[Rejects]:
    """A page of the rows that an import has rejected."""
    asked = {"page_size": page_size, "page_token": page_token}
    return Rejects.of((yield from ask(session, "GET", f"{path(job_id)}/errors", params=asked)))


def cancel(session: Session, job_id: str) -> Flow[Job]:
    return Job.of((yield from ask(session, "POST", f"{path(job_id)}/cancel")))


def retry(session: Session, job_id: str, *, upload_id: str | None = None) -> Flow[Job]:
    """A new job like this one; with `upload_id` it imports the mended rejects of this one."""
    body = None if upload_id is None else {"source": {"upload_id": upload_id}}
    return Job.of((yield from ask(session, "POST", f"{path(job_id)}/retry", body=body)))


def undo(session: Session, job_id: str) -> Flow[Job]:
    """A job that takes back what an import did."""
    return Job.of((yield from ask(session, "POST", f"{path(job_id)}/undo")))


def delete(session: Session, job_id: str) -> Flow[None]:
    """Remove a finished job and its files."""
    answer = yield from send(session, Request("DELETE", path(job_id)))
    document(answer)


def path(job_id: str) -> str:
    """Raises Problem not_found for what is no id of a job, and could lead elsewhere as a part of an address."""
    if not job_id.isascii() or not job_id.replace("-", "").replace("_", "").isalnum():
        detail = "An id of a job has letters and digits only; krai jobs list shows them."
        raise Problem({"code": "not_found", "title": "There is no such job", "detail": detail}, HTTPStatus.NOT_FOUND)
    return f"{JOBS}/{job_id}"
