"""`/api/v1/jobs/{id}/files`: the finished files of an export, also while it runs."""

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Query, Response

from krai.api import examples, openapi
from krai.api.answers import ExportFiles
from krai.api.deps import ApiOf, BaseUrl, OwnJob
from krai.api.links import Links, refuse_expired, refuse_failed
from krai.errors import Terminal
from krai.export_files import Listed
from krai.job import Job

router = APIRouter(tags=["results"], prefix="/api/v1/jobs/{job_id}")
LARGEST_PAGE = 100
PAGE_TOKEN = re.compile(r"([0-9a-f]{32})\.(\d{1,12})\.(\d{1,12})", re.ASCII)
JSON = "application/json"


@router.get(
    "/files",
    summary="List the finished files of an export",
    description="Also while the job runs: with `split_rows` a file can be downloaded as soon as it is finished. Should the attempt come"
    " to nothing, its files go, and the next one begins with none; only a COMPLETED job has them all.",
    responses={
        **openapi.gives(200, ExportFiles, "A page of files", examples.EXPORT_FILES),
        **openapi.fails(
            *openapi.CALL, "not_found", "invalid_argument", "invalid_page_token", "job_failed", "job_cancelled", "result_expired"
        ),
    },
)
async def list_files(
    job: OwnJob,
    api: ApiOf,
    base_url: BaseUrl,
    page_size: Annotated[int, Query(ge=1, description="more than 100 is taken as 100")] = LARGEST_PAGE,
    page_token: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    first = _first_file(job, page_token)
    refuse_failed(job)
    refuse_expired(job, api)
    listed = Listed.of(job)
    last = min(first + min(page_size, LARGEST_PAGE), listed.total)

    def answer() -> ExportFiles:
        links = Links(api, base_url)
        return ExportFiles(
            files=links.of_files(listed.read(api.stores.blobs, first, last)),
            total=listed.total,
            url_expires_at=links.expire_at,
            next_page_token=f"{job.job_id}.{job.epoch}.{last}" if last < listed.total else None,
        )

    return Response((await asyncio.to_thread(answer)).model_dump_json(), media_type=JSON)


def _first_file(job: Job, page_token: str | None) -> int:
    """Another attempt may have other files: a page of one is followed by none of the next."""
    if page_token is None:
        return 0
    found = PAGE_TOKEN.fullmatch(page_token)
    if found is None or (found[1], int(found[2])) != (job.job_id, job.epoch):
        raise Terminal("invalid_page_token")
    return int(found[3])
