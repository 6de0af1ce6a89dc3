"""What a worker sees of the child that runs one attempt of a job: its events, and three ways to steer it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from krai.dataset import Dataset
from krai.errors import KraiError
from krai.job import Job, Progress


@dataclass(frozen=True, slots=True)
class Advanced:
    progress: Progress


@dataclass(frozen=True, slots=True)
class AsksToCommit:
    """The child stands before its commit and waits for an answer."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    result: dict[str, Any]
    dataset: Dataset | None = None
    dropped: str | None = None


@dataclass(frozen=True, slots=True)
class Uncommitted:
    """The answer to a look-up: the job does not stand in the history of its dataset."""


@dataclass(frozen=True, slots=True)
class Failed:
    error: KraiError


@dataclass(frozen=True, slots=True)
class Died:
    """The child is gone without a word; `error` is set when its worker knows why (memory, time)."""

    how: str
    error: KraiError | None = field(default=None)


@dataclass(frozen=True, slots=True)
class Step:
    """What a child did and when, by its own account, in nanoseconds since 1970."""

    name: str
    began_ns: int
    ended_ns: int


Event = Advanced | AsksToCommit | Succeeded | Uncommitted | Failed | Died


class Attempt(Protocol):
    @property
    def steps(self) -> Sequence[Step]:
        """Known when the child has said its last."""

    async def event(self, timeout_s: float) -> Event | None:
        """The next thing the child says, None when it says nothing for `timeout_s` seconds."""

    def allow_commit(self, *, allowed: bool) -> None:
        """Answer the child; should it be gone, that is its next event."""

    async def kill(self) -> None:
        """End the child now; returns when it is gone and can write nothing any more."""


class Runner(Protocol):
    """Runs attempts in children, as many at once as there are slots."""

    async def start(self, job: Job) -> Attempt: ...

    async def look_up(self, job: Job) -> Attempt:
        """A child that only says whether the job has committed: its last event is Succeeded, as the job's own would have been, or
        Uncommitted; any other is no answer."""

    async def discard(self, job: Job) -> None:
        """Delete what the job left in the warehouse without committing it."""
