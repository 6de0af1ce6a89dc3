"""`/api/v1/jobs`: look at jobs, wait for them, steer them."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from krai import steer
from krai.access import Scope
from krai.api import examples, intake, openapi, watch
from krai.api.answers import JobAnswer, JobList
from krai.api.deps import ApiOf, BaseUrl, Caller, JobId, OwnJob, Reader
from krai.api.fields import DATASET, Body
from krai.api.import_source import UploadSource
from krai.api.intake import Intake
from krai.errors import Terminal
from krai.job import Job, Kind, Status
from krai.ports import JobQuery

router = APIRouter(tags=["jobs"], prefix="/api/v1/jobs")
LARGEST_PAGE = 100
WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,9})\"?\s*(?=$|[,;])", re.IGNORECASE | re.ASCII)
REVISION = re.compile(r'(?:W/)?"([0-9a-f]{32})\.(\d{1,18})"', re.ASCII)
JSON = "application/json"
STEERING = (Scope.EXPORT, Scope.IMPORT)
STATE_HEADERS = {
    "etag": {"description": "changes with the job", "schema": {"type": "string"}},
    "preference-applied": {"description": "the wait that was granted", "schema": {"type": "string"}},
    **openapi.RETRY_AFTER,
}


class ListQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Kind | None = None
    status: Status | None = None
    dataset: Annotated[str | None, Field(pattern=f"^{DATASET.pattern}$")] = None
    label: Annotated[
        str | None,
        Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}[:=]", max_length=192, description="name:value, or name=value", examples=["team:sales"]),
    ] = None
    page_size: Annotated[int, Field(ge=1, description="more than 100 is taken as 100")] = 50
    page_token: Annotated[str | None, Field(max_length=1024, description="next_page_token of the page before, with the same filters")] = (
        None
    )


class NoBody(Body):
    """Nothing has to be sent."""


class RetryBody(Body):
    """Nothing has to be sent for a job that FAILED or was CANCELLED. A COMPLETED import takes its rejects, mended and uploaded."""

    source: UploadSource | None = None


@router.get(
    "",
    summary="List jobs, newest first",
    responses={
        **openapi.gives(200, JobList, "A page of jobs", examples.JOBS),
        **openapi.fails(*openapi.CALL, "invalid_argument", "invalid_page_token"),
    },
)
async def list_jobs(query: Annotated[ListQuery, Query()], caller: Reader, api: ApiOf, base_url: BaseUrl) -> Response:
    label = re.split("[:=]", query.label, maxsplit=1) if query.label else None
    page = await api.stores.jobs.find(
        JobQuery(
            created_by=caller.owner,
            type=query.type,
            status=query.status,
            dataset=query.dataset,
            label=(label[0], label[1]) if label else None,
            page_size=min(query.page_size, LARGEST_PAGE),
            after=query.page_token,
        )
    )
    listed = JobList(jobs=[JobAnswer.of(job, base_url, admin=caller.admin) for job in page.jobs], next_page_token=page.next_page)
    return Response(listed.model_dump_json(), media_type=JSON)


@router.get(
    "/{job_id}",  # noqa: FAST003 - OwnJob takes it
    summary="Show a job",
    description="`Prefer: wait=N` (at most 30 s) answers when the job has finished; with `If-None-Match` already when it has changed.",
    responses={
        **openapi.gives(200, JobAnswer, "The job, whatever came of it", examples.RUNNING, STATE_HEADERS),
        304: {"description": "Unchanged since the `If-None-Match` of the request", "headers": STATE_HEADERS},
        **openapi.fails(*openapi.CALL, "not_found"),
    },
)
async def get_job(
    found: OwnJob,
    caller: Caller,
    api: ApiOf,
    base_url: BaseUrl,
    *,
    prefer: Annotated[str | None, Header(examples=["wait=30"])] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    wait = WAIT.search(prefer or "")
    headers = {}
    job: Job | None = found
    if wait:
        wait_s = min(int(wait.group(1)), watch.LONGEST_WAIT_S)
        headers["preference-applied"] = f"wait={wait_s}"
        if if_none_match is None:
            job = await watch.finished(api, found, wait_s)
        elif _is_known(found, if_none_match):
            job = await watch.changed(api, found, wait_s)
    if job is None:
        raise Terminal("not_found")
    headers["etag"] = f'"{job.job_id}.{job.revision}"'
    if not job.finished:
        headers["retry-after"] = "1"
    if if_none_match is not None and _is_known(job, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(JobAnswer.of(job, base_url, admin=caller.admin).model_dump_json(), headers=headers, media_type=JSON)


@router.post(
    "/{job_id}/cancel",
    summary="Cancel a job",
    description="A waiting job is CANCELLED at once, a running one within seconds unless it is already committing.",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The job", examples.STOPPING, openapi.LOCATION),
        **openapi.fails(*openapi.CALL, *openapi.POST, "not_found", "job_finished"),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False),
)
async def cancel_job(job_id: JobId, request: Request) -> Response:
    async def work(taken: Intake[NoBody]) -> Response:
        taken.caller.demand(*STEERING)
        keep_s = taken.api.settings.result_ttl_hours * 3600
        job = await steer.cancel(taken.api.stores, job_id, taken.caller.owner, keep_s=keep_s)
        taken.api.quotas.look_after(job)
        view = JobAnswer.of(job, taken.base_url, admin=taken.caller.admin)
        return await intake.remember(taken, {"status": 202, "headers": {"location": view.links.self}, "body": view.model_dump_json()})

    return await intake.run(request, NoBody, work, creates=False)


@router.post(
    "/{job_id}/retry",
    summary="Run a failed or cancelled job again, or import mended rejects, as a new job",
    description="With a `source` the job is a COMPLETED import that has rejected rows: the mended file is imported as that one was, but a"
    " `replace` becomes an `append`, and is refused when its rows are not in the dataset any more. Columns of the rejects file that begin"
    " with `_krai_` are left out.",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The new job", examples.RETRIED, openapi.CREATED),
        **openapi.fails(
            *openapi.CALL,
            *openapi.POST,
            "not_found",
            "job_not_retryable",
            "import_gone",
            "dataset_not_found",
            "unknown_column",
            "invalid_filter",
            "source_missing",
            "source_changed",
            "source_forbidden",
            "unknown_upload",
            "upload_incomplete",
            "quota_exceeded",
        ),
    },
    openapi_extra=openapi.takes(
        RetryBody, {"nothing": {}, "mended rejects": {"source": {"upload_id": examples.UPLOAD["upload_id"]}}}, required=False
    ),
)
async def retry_job(job_id: JobId, request: Request) -> Response:
    async def work(taken: Intake[RetryBody]) -> Response:
        taken.caller.demand(*STEERING)
        stores, caller, source = taken.api.stores, taken.caller, taken.body.source
        if source is None:
            job = await steer.retry(stores, job_id, caller.owner)
        else:
            job = await steer.retry_mended(stores, job_id, caller.owner, source.upload_id, caller.id)
        await taken.api.admission.grants.demand_again(caller, job)
        return await intake.accept(taken, job)

    return await intake.run(request, RetryBody, work)


@router.post(
    "/{job_id}/undo",
    summary="Undo an import, as a new job",
    description="Its rows go, and rows that its upsert or replace has taken away come back; what newer imports have written stays and is"
    " counted in `records_kept`. The job FAILED with `nothing_to_undo` or `undo_conflict` has changed nothing. Undo the newest import first"
    " to get back to where all began.",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The new job", examples.UNDO_JOB, openapi.CREATED),
        **openapi.fails(*openapi.CALL, *openapi.POST, "not_found", "job_not_undoable", "quota_exceeded"),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False),
)
async def undo_job(job_id: JobId, request: Request) -> Response:
    async def work(taken: Intake[NoBody]) -> Response:
        taken.caller.demand(Scope.IMPORT)
        job = await steer.undo(taken.api.stores, job_id, taken.caller)
        await taken.api.admission.grants.demand_again(taken.caller, job)
        return await intake.accept(taken, job)

    return await intake.run(request, NoBody, work)


@router.delete(
    "/{job_id}",
    summary="Delete a finished job and its files",
    status_code=204,
    responses={204: {"description": "Gone"}, **openapi.fails(*openapi.CALL, "not_found", "job_running")},
)
async def delete_job(job_id: JobId, caller: Caller, api: ApiOf) -> Response:
    caller.demand(*STEERING)
    await steer.delete(api.stores, job_id, caller.owner)
    return Response(status_code=204)


def _is_known(job: Job, if_none_match: str) -> bool:
    """True when one of the caller's entity tags is the job as it is."""
    known = (job.job_id, str(job.revision))
    return if_none_match.strip() == "*" or any(match.groups() == known for match in REVISION.finditer(if_none_match))
