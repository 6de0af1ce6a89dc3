"""Links to the files of a job, made for one answer and never stored, and what stands in the way of them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from krai.api.answers import ExportFile
from krai.api.deps import Api
from krai.errors import Terminal
from krai.job import Job, Status, format_time

LINK_TTL_S = 15 * 60
AT_ONCE = 8  # a service that signs is asked once a link


class Links:
    """Makes the links of one answer; making them may ask a signing service, so it may block."""

    def __init__(self, api: Api, base_url: str) -> None:
        self._blobs = api.stores.blobs
        self._base_url = base_url
        self.expire_at = format_time(api.stores.jobs.now() + timedelta(seconds=LINK_TTL_S))

    def to(self, file: dict[str, Any]) -> str:
        link = self._blobs.link(file["path"], generation=file["generation"], filename=file["name"], ttl_s=LINK_TTL_S)
        return f"{self._base_url}{link}" if link.startswith("/") else link

    def of_files(self, files: Sequence[dict[str, Any]]) -> list[ExportFile]:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="links") as pool:
            return [ExportFile.of(file, download_url=link) for file, link in zip(files, pool.map(self.to, files), strict=True)]


def finished_result(job: Job, api: Api) -> dict[str, Any]:
    """Raises Terminal job_not_finished, job_failed, job_cancelled, result_expired."""
    if not job.finished:
        raise Terminal("job_not_finished", retry_after_s=1)
    refuse_failed(job)
    refuse_expired(job, api)
    return job.result or {}


def refuse_failed(job: Job) -> None:
    """Raises Terminal job_failed, job_cancelled."""
    if job.status is Status.FAILED:
        raise Terminal("job_failed")
    if job.status is Status.CANCELLED:
        raise Terminal("job_cancelled")


def refuse_expired(job: Job, api: Api) -> None:
    if job.expires_at is not None and job.expires_at <= api.stores.jobs.now():
        raise Terminal("result_expired")
