"""What a krai says of itself: who it is, whether it is well, what there is to do."""

from dataclasses import dataclass

from krai.client.model import Model


@dataclass(frozen=True, kw_only=True)
class Worker(Model):
    """A worker when it was last heard of; not `here`: it has most likely died."""

    name: str
    version: str
    here: bool


@dataclass(frozen=True, kw_only=True)
class Queue(Model):
    """How much there is to do."""

    waiting: int
    processing: int
    oldest_age_s: float


@dataclass(frozen=True, kw_only=True)
class Status(Model):
    """What there is to do, and who does it."""

    version: str
    queue: Queue
    workers: tuple[Worker, ...]


@dataclass(frozen=True, kw_only=True)
class Card(Model):
    """Who answers at the address."""

    service: str
    version: str
    mode: str


@dataclass(frozen=True, kw_only=True)
class Readiness(Model):
    """`checks` has `ok` or `failed` for each dependency."""

    status: str
    checks: dict[str, str]
