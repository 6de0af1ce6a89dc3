"""I4 while the run lasts: the epochs of some jobs, read from the store now and then, do not fall."""

import asyncio
import threading
from collections.abc import Sequence

from krai.errors import KraiError
from krai.job import Job
from krai.ports import Stores
from krai.settings import UnsafeSettings
from tests.chaos.book import Book
from tests.chaos.ground import Ground
from tests.chaos.plan import drawing

EVERY_S = 2.0
RUNNING, FINISHED = 20, 5


def watch_epochs(ground: Ground, book: Book, calm: threading.Event, seed: int) -> None:
    draw = drawing(seed, "epochs")
    epochs: dict[str, int] = {}
    while not calm.wait(EVERY_S):
        entries = book.all()
        running = [entry.job_id for entry in entries if entry.end is None][:RUNNING]
        others = [entry.job_id for entry in draw.sample(entries, min(FINISHED, len(entries)))]
        for job in _read(ground, [*running, *others]):
            before = epochs.get(job.job_id, 0)
            if job.epoch < before or job.epoch < job.attempt:
                book.violated("I4", f"epoch {job.epoch} in attempt {job.attempt}, after epoch {before}", job.job_id)
            epochs[job.job_id] = job.epoch


def _read(ground: Ground, ids: Sequence[str]) -> list[Job]:
    """Nothing while the store, or another one that belongs to it, is under a fault."""

    async def read(stores: Stores) -> list[Job]:
        found = await asyncio.gather(*(stores.jobs.get(job_id) for job_id in ids))
        return [job for job in found if job is not None]

    try:
        return ground.deployment.stores.use(read)
    except (KraiError, UnsafeSettings, OSError):
        return []
