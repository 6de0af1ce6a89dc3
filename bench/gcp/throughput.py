"""Many tiny exports, end to end, with one worker: krai, and Celery on kombu's gcpubsub transport.

Celery gets a virtual environment of its own, made at the first use: its pins and krai's are not the same. Its tasks do three Firestore
writes and nothing else, as many as krai does for a job; krai also exports.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from google.cloud import firestore

from bench.gcp import load, processors
from bench.gcp.house import House, Site
from bench.gcp.report import Line
from bench.venvs import python_of
from scripts.emulators import ROOT

CELERY = ROOT / "bench" / "celery"
CLIENTS = 16
LOOK_EVERY_S = 2.0  # when the last was done is told by its document; looking costs the emulator time
PATIENCE_S = 900
CELERY_READY_S = 60
# Messages Celery takes in advance for each of its processes. Its documentation recommends 1 for long tasks and more for many short ones.
PREFETCH = 32


@dataclass(frozen=True, slots=True)
class Done:
    jobs: int
    took_s: float
    note: str

    @property
    def rate(self) -> float:
        return self.jobs / self.took_s


def measure(site: Site, *, jobs: int, slots: int) -> tuple[list[Line], list[str]]:
    for run in (_celery, _krai):
        run(site.house(), jobs // 10, slots)  # the emulators are slow at first
    celery = _celery(site.house(), jobs, slots)
    krai = _krai(site.house(), jobs, slots)
    line = Line(
        f"{jobs:,} tiny exports, one worker, {slots} slots",
        f"{krai.rate:.1f}/s",
        f"Celery -c {slots}, three writes a task: {celery.rate:.1f}/s",
        krai.rate / celery.rate,
        at_least=1,
    )
    return [line], [krai.note, celery.note]


def _krai(house: House, jobs: int, slots: int) -> Done:
    request = load.post("/api/v1/exports", {"dataset": "users", "limit": 1})
    with house.worker(KRAI_SLOTS=str(slots)), house.api() as port:
        busy, began = processors.busy_s(), time.time()
        asyncio.run(load.send(port, request, clients=CLIENTS, count=jobs))
        took_s = _wait_until_done(house, "jobs", jobs) - began
        return Done(jobs, took_s, processors.note("krai", busy, jobs))


def _celery(house: House, jobs: int, slots: int) -> Done:
    python = python_of("celery")
    env = {"CELERY_PREFETCH": str(PREFETCH)}
    with _celery_worker(house, python, slots, env):
        busy, began = processors.busy_s(), time.time()
        subprocess.run([python, "tasks.py", str(jobs)], cwd=CELERY, env={**os.environ, **house.env, **env}, check=True)
        took_s = _wait_until_done(house, "celery", jobs) - began
        return Done(jobs, took_s, processors.note("Celery, without submitting", busy, jobs))


@contextmanager
def _celery_worker(house: House, python: Path, slots: int, env: dict[str, str]) -> Iterator[None]:
    """A worker with as many processes as krai has slots, without the chatter among workers that one worker does not need."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=info"]
    command = [str(python), "-m", "celery", "-A", "tasks", "worker", f"--concurrency={slots}", *options]
    with house.process(command, env, cwd=CELERY) as (_, log):
        until = time.monotonic() + CELERY_READY_S
        while " ready." not in log.read_text():
            if time.monotonic() > until:
                message = f"Celery did not start:\n{log.read_text()[-2000:]}"
                raise RuntimeError(message)
            time.sleep(0.1)
        yield


def _wait_until_done(house: House, collection: str, jobs: int) -> float:
    """When the last one was done, in seconds since 1970 by the clock of this machine, which is the emulator's too."""
    documents: Any = firestore.Client(project=house.project).collection(collection)
    completed = documents.where(filter=firestore.FieldFilter("status", "==", "COMPLETED"))
    until = time.monotonic() + PATIENCE_S
    while (done := completed.count().get()[0][0].value) < jobs:
        if time.monotonic() > until:
            message = f"{done} of {jobs} jobs were done after {PATIENCE_S} s"
            raise RuntimeError(message)
        time.sleep(LOOK_EVERY_S)
    last: datetime = max(document.update_time for document in completed.select([]).stream())
    return last.timestamp()
