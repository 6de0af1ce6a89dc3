"""Registered webhooks: places that are told of the ends of their owner's jobs, or of everybody's.

One document holds all of a caller, and one those of the admins for everybody's jobs, so whoever ends a job knows by two reads who
wants to hear of it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Self

from krai import observe
from krai.errors import Terminal
from krai.job import Job, format_time, parse_time
from krai.ports import Directory
from krai.webhooks.callbacks import Answer

COLLECTION = "webhooks"
EVERYBODYS = "*"  # no principal has this name
MOST = 20
FAILING = timedelta(days=5)
TIMES = ("created_at", "updated_at", "failing_since", "disabled_at")


class Event(StrEnum):
    """What a job may end as, as messages have it for their `type`."""

    COMPLETED = "job.completed"
    FAILED = "job.failed"
    CANCELLED = "job.cancelled"


class Reach(StrEnum):
    OWN = "own"  # the jobs of its owner
    ALL = "all"  # everybody's


class Why(StrEnum):
    """Why krai has disabled a webhook."""

    GONE = "gone"  # the receiver answered 410
    FAILING = "failing"  # nothing was taken for five days
    OWNER = "owner"  # its owner may not hear of these jobs any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """`email` is that of its owner, where that is a person or a key of one."""

    webhook_id: str
    owner: str
    email: str | None
    url: str
    base_url: str  # where its owner reaches krai
    events: tuple[Event, ...]
    datasets: tuple[str, ...]  # none: all
    description: str
    scope: Reach
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None = None  # when the first of the failures in a row was
    disabled_at: datetime | None = None
    disabled_why: Why | None = None  # None also where its owner has done it

    @property
    def shelf(self) -> str:
        """The document that holds it."""
        return EVERYBODYS if self.scope is Reach.ALL else self.owner

    def wants(self, job: Job) -> bool:
        """True when it is to be told of the finished job."""
        return self.disabled_at is None and event_of(job) in self.events and (not self.datasets or job.dataset in self.datasets)

    def disabled(self, why: Why | None, now: datetime) -> Self:
        return replace(self, disabled_at=now, disabled_why=why)

    def to_doc(self) -> dict[str, Any]:
        times = {name: getattr(self, name) for name in TIMES}
        return {**asdict(self), **{name: None if moment is None else format_time(moment) for name, moment in times.items()}}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        times = {name: None if doc[name] is None else parse_time(doc[name]) for name in TIMES}
        why = None if doc["disabled_why"] is None else Why(doc["disabled_why"])
        events, datasets = tuple(map(Event, doc["events"])), tuple(doc["datasets"])
        return cls(**{**doc, **times, "events": events, "datasets": datasets, "scope": Reach(doc["scope"]), "disabled_why": why})


def event_of(job: Job) -> Event:
    return Event(f"job.{job.status.lower()}")


async def of(directory: Directory, owner: str) -> Sequence[Webhook]:
    """The owner's, oldest first."""
    found = [webhook for webhook in await _on(directory, owner, EVERYBODYS) if webhook.owner == owner]
    return sorted(found, key=lambda webhook: webhook.created_at)


async def get(directory: Directory, owner: str, webhook_id: str) -> Webhook:
    """Raises Terminal not_found: no such webhook, or somebody else's."""
    for webhook in await of(directory, owner):
        if webhook.webhook_id == webhook_id:
            return webhook
    raise Terminal("not_found")


async def of_job(directory: Directory, job: Job) -> Sequence[Webhook]:
    """All that may hear of the job's end, whether they want to or not."""
    return await _on(directory, job.created_by, EVERYBODYS)


async def add(directory: Directory, webhook: Webhook) -> Webhook:
    """The webhook of this id, which may be there already: then only the answer was lost. Raises Terminal too_many_webhooks."""

    def step(there: list[Webhook]) -> list[Webhook]:
        if any(one.webhook_id == webhook.webhook_id for one in there):
            return there
        if len(there) >= MOST:
            raise Terminal("too_many_webhooks")
        return [*there, webhook]

    after = await _change(directory, webhook.shelf, step)
    observe.log().info("webhook registered", webhook_id=webhook.webhook_id, owner=webhook.owner, scope=webhook.scope)
    return next(one for one in after if one.webhook_id == webhook.webhook_id)


async def change(directory: Directory, webhook: Webhook, step: Callable[[Webhook], Webhook]) -> Webhook:
    """The webhook with `step` taken on it as it is by now. Raises Terminal not_found."""
    there = await _change(
        directory, webhook.shelf, lambda all_: [step(one) if one.webhook_id == webhook.webhook_id else one for one in all_]
    )
    for one in there:
        if one.webhook_id == webhook.webhook_id:
            return one
    raise Terminal("not_found")


async def remove(directory: Directory, webhook: Webhook) -> None:
    await _change(directory, webhook.shelf, lambda all_: [one for one in all_ if one.webhook_id != webhook.webhook_id])
    observe.log().info("webhook removed", webhook_id=webhook.webhook_id, owner=webhook.owner)


async def note(directory: Directory, webhook: Webhook, answer: Answer, now: datetime) -> None:
    """Keep what an attempt says of the webhook, where it says something new: that it fails or does so no more, or must not be called."""

    def step(there: Webhook) -> Webhook:
        if answer.error is None:
            return replace(there, failing_since=None)
        failing = replace(there, failing_since=there.failing_since or now)
        if answer.status == HTTPStatus.GONE:
            return failing.disabled(Why.GONE, now)
        return failing.disabled(Why.FAILING, now) if now - (failing.failing_since or now) >= FAILING else failing

    if webhook.disabled_at is None and step(webhook) != webhook:
        after = await change(directory, webhook, lambda there: there if there.disabled_at else step(there))
        if after.disabled_at is not None:
            observe.log().warning("webhook disabled", webhook_id=after.webhook_id, why=after.disabled_why)


async def _on(directory: Directory, *shelves: str) -> list[Webhook]:
    docs = await asyncio.gather(*(directory.get(COLLECTION, shelf) for shelf in shelves))
    return [webhook for doc in docs for webhook in _in(doc)]


async def _change(directory: Directory, shelf: str, step: Callable[[list[Webhook]], list[Webhook]]) -> list[Webhook]:
    def rewrite(doc: dict[str, Any] | None) -> dict[str, Any] | None:
        there = step(_in(doc))
        return {"webhooks": [webhook.to_doc() for webhook in there]} if there else None

    return _in(await directory.change(COLLECTION, shelf, rewrite))


def _in(doc: dict[str, Any] | None) -> list[Webhook]:
    return [Webhook.from_doc(one) for one in (doc or {}).get("webhooks", ())]
