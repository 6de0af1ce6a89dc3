"""How jobs, records, datasets and directory entries stand in Firestore: `doc` holds the whole as JSON text, the fields beside it
are what queries and Firestore's own deletion (TTL) need.

`write_id` is another one with every write. So no write leaves a document as it was (Firestore would keep its update time, which is
krai's revision), and who got no answer can tell whether a document is of its own making.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from google.cloud.firestore import Increment

from krai.backends.documents import to_json
from krai.backends.google.firestore import Snapshot, revision_of
from krai.dataset import Dataset
from krai.job import Job
from krai.ports import IdempotencyRecord

JOBS, RECORDS, DATASETS, DIRECTORY, ENTRIES, DELETED = "jobs", "idempotency", "datasets", "directory", "entries", "deleted"

# Slashes would address another document, and Firestore keeps names like __a__ for itself.
_ID = re.compile(r"(?!__.*__\Z)[A-Za-z0-9_-]{1,128}", re.ASCII)


def is_id(text: str) -> bool:
    """True when `text` can be the id of a document of ours."""
    return _ID.fullmatch(text) is not None


def id_of(name: str) -> str:
    """The id of a document that is known by any name at all."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def new_write_id() -> str:
    return secrets.token_hex(8)


def label(name: str, value: str) -> str:
    return f"{name}={value}"


def of_job(job: Job) -> dict[str, Any]:
    doc = job.to_doc()
    del doc["revision"]
    return {
        "created_at": job.created_at,
        "updated_at": job.updated_at,
        "created_by": job.created_by,
        "type": job.type.value,
        "status": job.status.value,
        "dataset": job.dataset,
        "labels": [label(name, value) for name, value in job.labels.items()],
        "webhooks": [delivery.webhook_id for delivery in job.deliveries],
        "finished_at": job.finished_at,
        "due_at": job.due_at,
        "delete_at": job.delete_at,
        "unfinished_of": None if job.finished else job.created_by,
        "waits_since": job.waits_since,
        "held_of": job.created_by if job.held else None,
        "day_of": day_of(job.created_by, day(job)),
        "bytes": job.progress.bytes_processed,
        "doc": to_json(doc),
        "write_id": new_write_id(),
    }


def day(job: Job) -> date:
    """The UTC day on which it was created."""
    return job.created_at.astimezone(UTC).date()


def day_of(created_by: str, day: date) -> str:
    return f"{day.isoformat()} {created_by}"


def of_deleted(job: Job) -> dict[str, Any]:
    """What is added to the bytes of its caller's deleted jobs; nobody asks for them when the day is over."""
    expires_at = datetime.combine(day(job), time(), UTC) + timedelta(days=2)
    return {"bytes": Increment(job.progress.bytes_processed), "expires_at": expires_at}


def job_in(snapshot: Snapshot) -> Job | None:
    return replace(Job.from_doc(json.loads(snapshot.get("doc"))), revision=revision_of(snapshot)) if snapshot.exists else None


def jobs_in(found: Iterable[Snapshot]) -> list[Job]:
    return [job for job in map(job_in, found) if job is not None]


def of_record(record: IdempotencyRecord) -> dict[str, Any]:
    return {
        "fingerprint": record.fingerprint,
        "expires_at": record.expires_at,
        "doc": to_json(record.answer),
        "write_id": new_write_id(),
    }


def record_in(snapshot: Snapshot, now: datetime) -> IdempotencyRecord | None:
    """The record, unless it has expired at `now`."""
    if not snapshot.exists or (expires_at := snapshot.get("expires_at")) <= now:
        return None
    answer, fingerprint = json.loads(snapshot.get("doc")), snapshot.get("fingerprint")
    return IdempotencyRecord(scope=snapshot.id, fingerprint=fingerprint, answer=answer, expires_at=expires_at)


def of_dataset(dataset: Dataset) -> dict[str, Any]:
    return {"doc": to_json(dataset.to_doc()), "write_id": new_write_id()}


def dataset_in(snapshot: Snapshot) -> Dataset | None:
    return Dataset.from_doc(json.loads(snapshot.get("doc"))) if snapshot.exists else None


def of_entry(name: str, doc: dict[str, Any]) -> dict[str, Any]:
    """`doc` holds the name too, for a name may be what Firestore's text cannot hold."""
    return {"doc": to_json({"name": name, "doc": doc})}


def entry_in(snapshot: Snapshot) -> tuple[str, dict[str, Any]] | None:
    if not snapshot.exists:
        return None
    entry = json.loads(snapshot.get("doc"))
    return entry["name"], entry["doc"]
