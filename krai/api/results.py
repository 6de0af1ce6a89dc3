"""What came of a job: `/result` and, row by row, what an import refused: `/errors`."""

import asyncio
import json
import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from krai.api import examples, openapi
from krai.api.answers import ExportResult
from krai.api.change_answers import DropResult, ForecastResult, ImportResult, Preview, Reject, Rejects, UndoResult
from krai.api.dataset_answers import ColumnAnswer
from krai.api.deps import ApiOf, BaseUrl, OwnJob
from krai.api.links import Links, finished_result, refuse_expired
from krai.error_pages import read_entries
from krai.errors import Terminal
from krai.job import Job, Kind, Status
from krai.ports import BlobStore

router = APIRouter(tags=["results"], prefix="/api/v1/jobs/{job_id}")
LARGEST_PAGE = 1000
PAGE_TOKEN = re.compile(r"([0-9a-f]{32})\.(\d{1,12})", re.ASCII)
JSON = "application/json"
Result = ExportResult | ImportResult | ForecastResult | UndoResult | DropResult


@router.get(
    "/result",
    summary="Get the result of a job",
    responses={
        **openapi.gives(200, Result, "Links or counts", examples.EXPORT_RESULT),
        **openapi.fails(*openapi.CALL, "not_found", "job_not_finished", "job_failed", "job_cancelled", "result_expired"),
    },
)
async def get_result(job: OwnJob, api: ApiOf, base_url: BaseUrl) -> Response:
    result = finished_result(job, api)
    # Links are made for this answer alone and never stored. Making them may ask a signing service, so it may block.
    answer = await asyncio.to_thread(_RENDER[job.type], job, result, Links(api, base_url), api.stores.blobs)
    return Response(answer.model_dump_json(by_alias=True), media_type=JSON)


@router.get(
    "/errors",
    summary="List the rejected rows of an import",
    description="Of one that completed, or that failed with `too_many_rejects`: then those it had read. Blank lines are no rows.",
    responses={
        **openapi.gives(200, Rejects, "A page of rejected rows", examples.REJECTS),
        **openapi.fails(*openapi.CALL, "not_found", "invalid_argument", "invalid_page_token", "job_not_finished", "result_expired"),
    },
)
async def list_rejects(
    job: OwnJob,
    api: ApiOf,
    base_url: BaseUrl,
    page_size: Annotated[int, Query(ge=1, description="more than 1000 is taken as 1000")] = 100,
    page_token: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    first = _first_row(job, page_token)
    if not job.finished:
        raise Terminal("job_not_finished", retry_after_s=1)
    refuse_expired(job, api)
    rejects = (job.result or {}).get("rejects")
    pages = (job.result or {}).get("error_pages")
    total = int(rejects["records"]) if rejects else 0
    last = min(first + min(page_size, LARGEST_PAGE), total)
    errors = await asyncio.to_thread(_read_entries, api.stores.blobs, pages, first, last) if pages and first < last else []
    answer = Rejects(
        errors=[Reject(**row) for row in errors],
        total=total,
        rejects_url=Links(api, base_url).to(rejects) if rejects else None,
        next_page_token=f"{job.job_id}.{last}" if last < total else None,
    )
    return Response(answer.model_dump_json(exclude_defaults=True), media_type=JSON)


def _export(job: Job, result: dict[str, Any], links: Links, _blobs: BlobStore) -> ExportResult:
    files = links.of_files(result["files"])
    return ExportResult(
        job_id=job.job_id,
        type=Kind.EXPORT,
        status=Status.COMPLETED,
        download_url=files[0].download_url if files else None,
        url_expires_at=links.expire_at,
        file_size_bytes=result["file_size_bytes"],
        records=result["records"],
        format=result["format"],
        dataset=job.dataset,
        snapshot_id=result["snapshot_id"],
        snapshot_time=result["snapshot_time"],
        complete=result["complete"],
        files=files,
        files_total=result.get("files_total", len(files)),
        manifest_url=links.to(result["manifest"]),
        manifest_signature_url=links.to(signature) if (signature := result.get("signature")) else None,
    )


def _import(job: Job, result: dict[str, Any], links: Links, blobs: BlobStore) -> ImportResult | ForecastResult:
    told = {
        "job_id": job.job_id,
        "type": Kind.IMPORT,
        "status": Status.COMPLETED,
        "records_processed": result["records_processed"],
        "records_inserted": result["records_inserted"],
        "records_updated": result["records_updated"],
        "records_rejected": result["records_rejected"],
        "dataset": job.dataset,
        "rejects_url": links.to(result["rejects"]) if result["rejects"] else None,
    }
    if result.get("dry_run"):
        columns = [ColumnAnswer(**column) for column in result["schema"]]
        return ForecastResult(**told, bytes=result["bytes"], columns=columns, preview=_preview(blobs, result["preview"]["path"]))
    return ImportResult(**told, snapshot_id=result["snapshot_id"])


def _undo(job: Job, result: dict[str, Any], _links: Links, _blobs: BlobStore) -> UndoResult:
    return UndoResult(
        job_id=job.job_id,
        type=Kind.UNDO,
        status=Status.COMPLETED,
        records_removed=result["records_removed"],
        records_restored=result["records_restored"],
        records_kept=result["records_kept"],
        dataset=job.dataset,
        snapshot_id=result["snapshot_id"],
    )


def _drop(job: Job, _result: dict[str, Any], _links: Links, _blobs: BlobStore) -> DropResult:
    return DropResult(job_id=job.job_id, type=Kind.DROP, status=Status.COMPLETED, dataset=job.dataset)


_RENDER = {Kind.EXPORT: _export, Kind.IMPORT: _import, Kind.UNDO: _undo, Kind.DROP: _drop}


def _first_row(job: Job, page_token: str | None) -> int:
    if page_token is None:
        return 0
    found = PAGE_TOKEN.fullmatch(page_token)
    if found is None or found.group(1) != job.job_id:
        raise Terminal("invalid_page_token")
    return int(found.group(2))


def _read_entries(blobs: BlobStore, pages: dict[str, Any], first: int, last: int) -> list[dict[str, Any]]:
    """Raises Terminal result_expired."""
    try:
        return read_entries(blobs, pages, first, last)
    except FileNotFoundError:
        raise Terminal("result_expired") from None


def _preview(blobs: BlobStore, path: str) -> Preview:
    """Raises Terminal result_expired."""
    try:
        with blobs.open(path) as file:
            return Preview(**json.load(file))
    except FileNotFoundError:
        raise Terminal("result_expired") from None
