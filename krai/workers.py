"""Who works: each worker says once a minute that it is there, so that somebody can be told when there is none. No job depends on it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

import krai
from krai.job import format_time, parse_time
from krai.ports import Directory

COLLECTION = "workers"
SAYS_EVERY_S = 60.0
HERE_WITHIN_S = 150.0  # two of its words may be late, or one of them lost
FORGOTTEN_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A worker when it was last heard of."""

    name: str
    version: str
    slots: int
    running: int
    seen_at: datetime

    def here(self, now: datetime) -> bool:
        """False when it has most likely died: one that stops says so."""
        return now - self.seen_at < timedelta(seconds=HERE_WITHIN_S)


async def say(directory: Directory, name: str, *, slots: int, running: int, now: datetime) -> None:
    sighting = Sighting(name=name, version=krai.__version__, slots=slots, running=running, seen_at=now)
    await directory.put(COLLECTION, name, {**asdict(sighting), "seen_at": format_time(now)})


async def leave(directory: Directory, name: str) -> None:
    await directory.delete(COLLECTION, name)


async def seen(directory: Directory) -> Sequence[Sighting]:
    """All that have not said goodbye."""
    found = await directory.list(COLLECTION)
    return [Sighting(**{**doc, "seen_at": parse_time(doc["seen_at"])}) for _, doc in found]


async def sweep(directory: Directory, now: datetime) -> int:
    """Forget those that were not heard of for a day; returns how many."""
    gone = [one for one in await seen(directory) if now - one.seen_at > timedelta(seconds=FORGOTTEN_AFTER_S)]
    for one in gone:
        await leave(directory, one.name)
    return len(gone)
