"""What the clients know: which request became which job, and how each job ended when they first saw it end."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.chaos.plan import Json, Wish

FINISHED = frozenset({"COMPLETED", "FAILED", "CANCELLED"})


@dataclass(slots=True)
class Entry:
    """One accepted job; `end` is the job as a client first saw it finished."""

    wish: Wish
    key: str
    job_id: str
    parent: str | None
    accepted_at: float = field(default_factory=time.monotonic)
    cancel_answered: int | None = None
    end: Json | None = None
    latest: float = 0.0  # when a client last saw it


@dataclass(slots=True)
class Violation:
    rule: str
    text: str
    job_id: str | None = None


class Book:
    """Shared by all threads of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.entries: dict[str, Entry] = {}
        self.violations: list[Violation] = []
        self.met: Counter[str] = Counter()  # what clients met on their way: answers 503, no answer, …
        self.faults: Counter[str] = Counter()
        self.journal: list[str] = []
        self.submitted = 0
        self.finished = 0

    def violated(self, rule: str, text: str, job_id: str | None = None) -> None:
        with self._lock:
            self.violations.append(Violation(rule, text, job_id))

    def meet(self, what: str) -> None:
        with self._lock:
            self.met[what] += 1

    def fault(self, kind: str, began_at: datetime) -> None:
        """It has happened and is over now."""
        with self._lock:
            self.faults[kind] += 1
            self.journal.append(f"{began_at:%H:%M:%S.%f} to {datetime.now(UTC):%H:%M:%S.%f} {kind}")

    def accepted(self, wish: Wish, key: str, job_id: str, parent: str | None) -> Entry:
        with self._lock:
            entry = self.entries.get(job_id)
            if entry is None:
                entry = self.entries[job_id] = Entry(wish, key, job_id, parent)
                self.submitted += 1
            if entry.key != key:
                self.violations.append(Violation("I1", f"the keys {entry.key} and {key} got the same job", job_id))
            return entry

    def seen(self, entry: Entry, doc: Json) -> bool:
        """Note the job as it was answered; true when it has finished."""
        with self._lock:
            entry.latest = time.monotonic()
            if entry.end is not None:
                was, now = _ending(entry.end), _ending(doc)
                if was != now:
                    self.violations.append(Violation("I3", f"was {was}, is {now}", entry.job_id))
            elif doc["status"] in FINISHED:
                entry.end = doc
                self.finished += 1
            return entry.end is not None

    def all(self) -> list[Entry]:
        with self._lock:
            return list(self.entries.values())


def _ending(doc: Json) -> tuple[Any, ...]:
    return (doc["status"], doc["finished_at"], (doc["error"] or {}).get("code"), doc["attempt"], doc["records_processed"])
