"""The body of a wake-up message, the same in every queue."""

import json

from krai.backends.documents import to_json
from krai.job import Job

VERSION = 1


def encode(job: Job) -> str:
    return to_json({"version": VERSION, "job_id": job.job_id, "type": job.type})


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
