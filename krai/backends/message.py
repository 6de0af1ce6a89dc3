"""A wake-up message, the same in every queue: its body, and the span of sending it."""

import json
from contextlib import AbstractContextManager

from krai import observe
from krai.backends.documents import to_json
from krai.job import Job
from krai.ports import JobQueue

VERSION = 1


def encode(job: Job) -> str:
    return to_json({"version": VERSION, "job_id": job.job_id, "type": job.type})


def sending(queue: JobQueue, job: Job) -> AbstractContextManager[observe.Span]:
    """The block that sends the message of this job."""
    return observe.span(
        f"publish {queue.topic}",
        observe.Kind.PRODUCER,
        job.traceparent,
        messaging__system=queue.system,
        messaging__destination__name=queue.topic,
        messaging__operation__name="publish",
        messaging__operation__type="send",
        krai__job__id=job.job_id,
    )


def job_id_of(body: str | bytes) -> str | None:
    """The job a message is about; None when it is not a message of this version."""
    try:
        doc = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(doc, dict) or doc.get("version") != VERSION:
        return None
    job_id = doc.get("job_id")
    return job_id if isinstance(job_id, str) and job_id else None
