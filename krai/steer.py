"""Steer a job that was accepted: cancel, retry, undo, delete.

`owner` is whose jobs the caller may see; None: everybody's. A job of somebody else is answered like no job at all.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import takewhile
from typing import Any, TypeVar

from krai import observe, selection, submit, transitions
from krai.access import Principal
from krai.errors import Conflict, Terminal, Transient
from krai.job import Callback, Job, Kind, Status
from krai.ports import JobStore, Stores
from krai.webhooks import endings

T = TypeVar("T")

JOB_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
TRIES = 10  # a job changes about once a second, so losing this often in a row means the store is in trouble


async def find(jobs: JobStore, job_id: str, owner: str | None) -> Job:
    """Raises Terminal not_found: no such job, somebody else's, or no job id."""
    job = await jobs.get(job_id) if JOB_ID.fullmatch(job_id) else None
    if job is None or (owner is not None and job.created_by != owner):
        raise Terminal("not_found")
    return job


async def cancel(stores: Stores, job_id: str, owner: str | None, *, keep_s: float) -> Job:
    """End a waiting job at once, ask the worker of a running one. Raises Terminal not_found, job_finished."""

    async def step(job: Job) -> Job:
        now = stores.jobs.now()
        if job.finished:
            raise Terminal("job_finished")
        if job.cancel_requested:
            return job
        if job.status is Status.PROCESSING or job.may_have_committed:
            return await stores.jobs.swap(job, transitions.ask_cancel(job, now))
        cancelled = await endings.swap(stores, job, partial(transitions.cancel, now=now, keep_s=keep_s))
        if job.epoch:
            # An earlier attempt may have left files, and a cancelled job has none. Not sooner: the job may just have been completed.
            await _delete_files(stores, job)
        return cancelled

    job = await _insist(stores.jobs, job_id, owner, step)
    observe.log().info("job cancel asked", job_id=job_id, status=job.status)
    return job


async def retry(stores: Stores, job_id: str, owner: str | None) -> Job:
    """A new job, not yet written, that does what a failed or cancelled one should have done. It belongs to the same caller.

    Raises Terminal not_found, job_not_retryable, dataset_not_found, unknown_column, invalid_filter, source_missing, source_changed.
    """
    job = await find(stores.jobs, job_id, owner)
    if job.status not in {Status.FAILED, Status.CANCELLED}:
        raise Terminal("job_not_retryable")
    if job.type is Kind.EXPORT:
        await selection.check_export(stores, job.dataset, job.params)
    await submit.check_source(stores, job.source)
    return _again(stores, job, job.params, job.source)


async def retry_mended(stores: Stores, job_id: str, owner: str | None, upload_id: str, uploader: str) -> Job:
    """A new job, not yet written, that imports the rejects of a completed import, mended and uploaded by `uploader`, as that would have.

    Raises Terminal not_found, job_not_retryable, import_gone, unknown_upload, upload_incomplete.
    """
    job = await find(stores.jobs, job_id, owner)
    if job.type is not Kind.IMPORT or job.status is not Status.COMPLETED or not (job.result or {}).get("rejects"):
        raise Terminal("job_not_retryable")
    source = await submit.uploaded(stores, upload_id, uploader)
    params = {**job.params, "source": {"upload_id": upload_id}, "compression": "auto", "sha256": None}
    if params.get("format") not in {"csv", "tsv"}:
        # Rejects of other formats are NDJSON, and may come back as anything.
        params["format"], params["sheet"] = "auto", None
    rejects_of = (job.source or {}).get("rejects_of")
    if params.get("mode") == "replace" and not params.get("dry_run"):
        params["mode"], rejects_of = "append", job.job_id  # the rows that were good are in the dataset already
    if rejects_of is not None:
        await _check_known(stores, job.dataset, rejects_of)
        source["rejects_of"] = rejects_of
    return _again(stores, job, params, source)


async def _check_known(stores: Stores, name: str, job_id: str) -> None:
    """Raises Terminal import_gone when what is known of the dataset says so. The job looks where it is sure."""
    dataset = await stores.jobs.get_dataset(name)
    if dataset is None:
        raise Terminal("import_gone")
    newer = list(takewhile(lambda snapshot: snapshot.job_id != job_id, dataset.snapshots))
    undos = [await stores.jobs.get(snapshot.job_id) for snapshot in newer if snapshot.mode == "undo"]
    undone = {undo.params["job_id"] for undo in undos if undo is not None}
    replaced = any(snapshot.mode == "replace" and snapshot.job_id not in undone for snapshot in newer)
    if job_id in undone or (replaced and None not in undos):
        raise Terminal("import_gone")


async def undo(stores: Stores, job_id: str, caller: Principal) -> Job:
    """A job of the caller's, not yet written, that takes back what an import did. Raises Terminal not_found, job_not_undoable."""
    job = await find(stores.jobs, job_id, caller.owner)
    if job.type is not Kind.IMPORT or job.status is not Status.COMPLETED or not (job.result or {}).get("snapshot_id"):
        raise Terminal("job_not_undoable")
    return transitions.new(
        Kind.UNDO,
        job.dataset,
        {"job_id": job.job_id},
        created_by=caller.id,
        tenant=caller.tenant,
        now=stores.jobs.now(),
        max_attempts=job.max_attempts,
        parent_job_id=job.job_id,
    )


def _again(stores: Stores, job: Job, params: dict[str, Any], source: dict[str, Any] | None) -> Job:
    return transitions.new(
        job.type,
        job.dataset,
        params,
        created_by=job.created_by,
        tenant=job.tenant,
        now=stores.jobs.now(),
        source=source,
        labels=job.labels,
        description=job.description,
        max_attempts=job.max_attempts,
        parent_job_id=job.job_id,
        callback=job.callback and Callback(url=job.callback.url, base_url=job.callback.base_url),
    )


async def delete(stores: Stores, job_id: str, owner: str | None) -> None:
    """Remove a finished job and its files. Raises Terminal not_found, job_running."""

    async def step(job: Job) -> None:
        if not job.finished:
            raise Terminal("job_running")
        # Files first: a crash between the two leaves a job that the sweep, or the caller, deletes again.
        await _delete_files(stores, job)
        await stores.jobs.swap(job, transitions.delete(job, stores.jobs.now()))

    await _insist(stores.jobs, job_id, owner, step)
    observe.log().info("job deleted", job_id=job_id)


async def _insist(jobs: JobStore, job_id: str, owner: str | None, step: Callable[[Job], Awaitable[T]]) -> T:
    """Take the step on the job as it is now, again when somebody else wrote in between."""
    for _ in range(TRIES):
        try:
            return await step(await find(jobs, job_id, owner))
        except Conflict:
            continue
    raise Transient("store_busy", retry_after_s=1)


async def _delete_files(stores: Stores, job: Job) -> None:
    await asyncio.to_thread(stores.blobs.delete, f"jobs/{job.job_id}/")
