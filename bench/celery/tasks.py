"""The yardstick of `make bench-gcp`: a Celery task on the gcpubsub transport that does three Firestore writes and nothing else.

Run by a Python of its own (`bench/celery/requirements.txt`), for Celery's pins and krai's are not the same.
`celery -A tasks worker` works, `python tasks.py N` submits N tasks.
"""

import os
import sys
import time
import uuid
from functools import cache
from typing import Any

from celery import Celery  # type: ignore[import-not-found] # it is not in krai's environment
from google.cloud import firestore

PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]
COLLECTION = "celery"

app = Celery("krai-bench", broker=f"gcpubsub://projects/{PROJECT}")
app.conf.update(
    # As krai: a task is acked when it is done, and its outcome stands in Firestore.
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=int(os.environ["CELERY_PREFETCH"]),
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    broker_connection_retry_on_startup=True,
)


@cache
def _client() -> Any:
    """One client a process, made after the fork: gRPC's threads do not survive one."""
    return firestore.Client(project=PROJECT)


@app.task(name="export")  # type: ignore[untyped-decorator]
def export(job_id: str, params: dict[str, Any]) -> None:
    job = _client().collection(COLLECTION).document(job_id)
    job.create({"status": "PROCESSING", "params": params, "progress": 0, "started_at": firestore.SERVER_TIMESTAMP})
    job.update({"progress": 50})
    job.update({"status": "COMPLETED", "progress": 100, "finished_at": firestore.SERVER_TIMESTAMP})


def submit(count: int) -> None:
    for _ in range(count):
        export.delay(uuid.uuid4().hex, {"dataset": "users", "format": "csv", "limit": 10})
    time.sleep(1)  # kombu does not wait for what it publishes; without this the last messages are lost


if __name__ == "__main__":
    submit(int(sys.argv[1]))
