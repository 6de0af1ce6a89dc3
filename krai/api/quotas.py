"""How much a caller may have at a time and bring in a day: unfinished jobs, jobs in the queue, bytes.

The job store knows; a process remembers what it was told for two seconds and counts its own jobs meanwhile. So a burst costs no reads,
and several processes together may let through a little more: what they accept within two seconds.
"""

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from starlette.types import Scope

from krai import transitions, turns
from krai.api.limits import Allowance, show
from krai.errors import KraiError, Terminal
from krai.job import Job, Standing
from krai.ports import Stores
from krai.settings import Settings

STANDING_KEPT_S = 2.0
BYTES_KEPT_S = 30.0  # they are counted when they are processed, so nobody is stopped at once anyway
COME_BACK_S = 30
LOOK_AFTER_S = 0.5
MOST_KEPT = 1000
QUEUED = "queued"
DAY_S = 24 * 3600


@dataclass(slots=True)
class _Caller:
    """What is known of one caller, and when it was asked for by the monotonic clock; one question at a time."""

    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    standing: Standing = field(default_factory=lambda: Standing(unfinished=0, held=0))
    standing_at: float = float("-inf")
    bytes: int = 0
    bytes_at: float = float("-inf")
    day: date | None = None


class Quotas:
    def __init__(self, stores: Stores, settings: Settings) -> None:
        self._stores = stores
        self._queued = settings.quota_queued
        self._share = settings.quota_running
        self._bytes = None if settings.quota_gib_per_day is None else settings.quota_gib_per_day << 30
        self._callers: OrderedDict[str, _Caller] = OrderedDict()
        self._looked_after: set[str] = set()
        self._looks: set[asyncio.Task[None]] = set()  # the loop itself keeps no task

    async def check(self, scope: Scope, created_by: str) -> None:
        """Raises Terminal quota_exceeded where `take` would, and shows why."""
        caller, now = self._caller(created_by), self._stores.jobs.now()
        async with caller.asking:
            await self._ask(created_by, caller, now)
        _demand(scope, self._allowances(caller, now))

    async def take(self, scope: Scope, job: Job) -> Job:
        """Count the new job and show what is left to its caller; the job as it is to be written. Raises Terminal quota_exceeded."""
        caller, now = self._caller(job.created_by), self._stores.jobs.now()
        async with caller.asking:
            await self._ask(job.created_by, caller, now)
        _demand(scope, self._allowances(caller, now))
        then = transitions.hold_back(job, caller.standing, self._share)
        caller.standing = Standing(unfinished=caller.standing.unfinished + 1, held=caller.standing.held + then.held)
        show(scope, self._allowances(caller, now))
        return then

    def look_after(self, job: Job) -> None:
        """Release the caller's held jobs soon where no worker does: this one was held, and all others may have finished since the store
        was asked; or it was cancelled before a worker had it.
        """
        if (job.held or (job.crowded and job.finished)) and job.created_by not in self._looked_after:
            self._looked_after.add(job.created_by)
            task = asyncio.create_task(self._look(job.created_by))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    async def _look(self, created_by: str) -> None:
        await asyncio.sleep(LOOK_AFTER_S)
        self._looked_after.discard(created_by)  # a job that is held from here on needs another look
        with contextlib.suppress(KraiError):  # the sweep looks too
            await turns.fill(self._stores, created_by, self._share)

    def _caller(self, created_by: str) -> _Caller:
        caller = self._callers.setdefault(created_by, _Caller())
        self._callers.move_to_end(created_by)
        if len(self._callers) > MOST_KEPT:
            self._callers.popitem(last=False)
        return caller

    async def _ask(self, created_by: str, caller: _Caller, now: datetime) -> None:
        """Ask the store for what is not known, or not any more. Raises Transient."""
        asked_at = time.monotonic()
        if (self._queued, self._share) != (None, None) and asked_at - caller.standing_at > STANDING_KEPT_S:
            caller.standing = await self._stores.jobs.standing(created_by)
            caller.standing_at = asked_at
        today = now.astimezone(UTC).date()
        if self._bytes is not None and (asked_at - caller.bytes_at > BYTES_KEPT_S or caller.day != today):
            caller.bytes = await self._stores.jobs.bytes_of(created_by, today)
            caller.bytes_at, caller.day = asked_at, today

    def _allowances(self, caller: _Caller, now: datetime) -> list[Allowance]:
        found = []
        if self._queued is not None:
            left = max(0, self._queued - caller.standing.unfinished)
            found.append(Allowance(name=QUEUED, allowed=left > 0, quota=self._queued, remaining=left, unit="concurrent-requests"))
        if self._bytes is not None:
            left = max(0, self._bytes - caller.bytes)
            midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            reset_s = math.ceil((midnight - now).total_seconds())
            found.append(
                Allowance(
                    name="bytes",
                    allowed=left > 0,
                    quota=self._bytes,
                    remaining=left,
                    window_s=DAY_S,
                    reset_s=reset_s,
                    unit="content-bytes",
                )
            )
        return found


def _demand(scope: Scope, allowances: Sequence[Allowance]) -> None:
    refused = next((allowance for allowance in allowances if not allowance.allowed), None)
    if refused is None:
        return
    show(scope, allowances)
    if refused.name == QUEUED:
        detail = f"{refused.quota} jobs that have not finished are allowed. Wait for some to finish, or cancel some."
        raise Terminal("quota_exceeded", detail, retry_after_s=COME_BACK_S)
    detail = f"The jobs of a day may process {refused.quota >> 30} GiB. The next day begins at 00:00 UTC."
    raise Terminal("quota_exceeded", detail, retry_after_s=refused.reset_s)
