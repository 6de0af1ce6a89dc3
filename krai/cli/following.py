"""Staying with a job until it ends, is interrupted, or takes too long."""

from collections.abc import Iterator
from contextlib import contextmanager

from krai.cli.ending import INTERRUPTED, Ended, failed
from krai.cli.output import OUTPUT
from krai.cli.progress import Progress
from krai.client import Client, ClientError, Job, JobEnded
from krai.client.models import COMPLETED


@contextmanager
def interruptible(client: Client, *, again: str) -> Iterator[Progress]:
    """Progress, and an answer to Ctrl-C: what has a job by then is cancelled if whoever pressed it says so.

    `again` says what the same command does when there was no job yet.
    """
    with Progress(OUTPUT) as progress:
        try:
            yield progress
        except KeyboardInterrupt:
            progress.stop()
            raise _interrupted(client, progress.job, again) from None


def _interrupted(client: Client, job: Job | None, again: str) -> Ended:
    if job is None or job.finished:
        return failed(INTERRUPTED, "interrupted", "Interrupted", again)
    if OUTPUT.asks and OUTPUT.confirm(f"\nCancel the job {job.job_id}?"):
        try:
            client.cancel(job.job_id)
        except ClientError as error:
            return failed(INTERRUPTED, "interrupted", "Interrupted; the job was not cancelled", str(error), job_id=job.job_id)
        return failed(INTERRUPTED, "interrupted", "The job is being cancelled", "", job_id=job.job_id)
    detail = f"krai jobs watch {job.job_id} waits on, krai jobs cancel {job.job_id} ends it."
    return failed(INTERRUPTED, "interrupted", "Interrupted; the job goes on", detail, job_id=job.job_id)


def follow(client: Client, job_id: str, timeout_s: float | None) -> Job:
    """The job when it is COMPLETED. Raises JobEnded, WaitedTooLong, Ended."""
    job = None
    with interruptible(client, again="") as progress:
        for job in client.watch(job_id, timeout_s=timeout_s):
            progress.seen(job)
    if job is None or job.status != COMPLETED:
        raise JobEnded(job or client.job(job_id))
    return job
