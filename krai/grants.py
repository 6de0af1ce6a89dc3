"""Who may read and write a dataset, and who may import from a bucket.

A dataset without grants is everybody's who is let in; a bucket without grants is nobody's. Grants belong to the name: they outlive the
dataset, and hold for the next one of that name.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from krai import observe
from krai.access import Principal, Scope
from krai.errors import Terminal
from krai.job import WRITERS, Job, Kind, format_time, parse_time
from krai.known import Known
from krai.ports import Directory

COLLECTION = "grants"
# Whom something is granted to: an address on the allowlist, one of its groups, who signs in at an issuer of a tenant, an API key.
GRANTEE = re.compile(
    r"all|user:[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]{1,189}|(?:group|tenant):[a-z][a-z0-9_-]{0,62}|key:[0-9a-f]{16}", re.ASCII
)
TRUSTED_S = 10.0  # so long what was taken away may still be had where it was just looked up


class Resource(StrEnum):
    DATASET = "dataset"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """`read` and `write` are names of grantees: `all`, `user:<email>`, `group:<name>`, `tenant:<name>`, `key:<id>`."""

    resource: Resource
    name: str
    read: frozenset[str]
    write: frozenset[str]
    changed_at: datetime
    changed_by: str

    def to_doc(self) -> dict[str, Any]:
        return {
            "read": sorted(self.read),
            "write": sorted(self.write),
            "changed_at": format_time(self.changed_at),
            "changed_by": self.changed_by,
        }

    @classmethod
    def from_doc(cls, key: str, doc: dict[str, Any]) -> Self:
        resource, _, name = key.partition("/")
        return cls(
            resource=Resource(resource),
            name=name,
            read=frozenset(doc["read"]),
            write=frozenset(doc["write"]),
            changed_at=parse_time(doc["changed_at"]),
            changed_by=doc["changed_by"],
        )


class Grants:
    """The grants in a directory, remembered for some seconds."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: Known[Sequence[Grant]] = Known()  # of each name the one grant, or none

    async def put(self, resource: Resource, name: str, *, read: Iterable[str], write: Iterable[str], by: Principal, now: datetime) -> Grant:
        """From now on these, and no others but admins."""
        grant = Grant(resource=resource, name=name, read=frozenset(read), write=frozenset(write), changed_at=now, changed_by=by.id)
        await self._directory.put(COLLECTION, _key(resource, name), grant.to_doc())
        self._known.forget(_key(resource, name))
        observe.log().info("grant changed", resource=resource, name=name, read=sorted(grant.read), write=sorted(grant.write), by=by.id)
        return grant

    async def remove(self, resource: Resource, name: str, *, by: Principal) -> None:
        """Back to how it is without grants. Raises Terminal not_found."""
        if await self._directory.get(COLLECTION, _key(resource, name)) is None:
            raise Terminal("not_found")
        await self._directory.delete(COLLECTION, _key(resource, name))
        self._known.forget(_key(resource, name))
        observe.log().info("grant removed", resource=resource, name=name, by=by.id)

    async def all(self) -> Sequence[Grant]:
        """Those of buckets, then those of datasets, by name."""
        return [Grant.from_doc(key, doc) for key, doc in await self._directory.list(COLLECTION)]

    async def readable(self, caller: Principal, datasets: Iterable[str]) -> set[str]:
        """Those of the datasets that the caller may know of."""
        if caller.admin:
            return set(datasets)
        closed = {grant.name for grant in await self.all() if grant.resource is Resource.DATASET and not _may_read(caller, grant)}
        return set(datasets) - closed

    async def demand_read(self, caller: Principal, dataset: str) -> None:
        """Raises Terminal dataset_not_found: to who may not read it there is no such dataset."""
        if not caller.admin and any(not _may_read(caller, grant) for grant in await self._look(Resource.DATASET, dataset)):
            raise Terminal("dataset_not_found")

    async def demand_write(self, caller: Principal, dataset: str) -> None:
        """Raises Terminal not_allowed."""
        if not caller.admin and any(caller.names.isdisjoint(grant.write) for grant in await self._look(Resource.DATASET, dataset)):
            raise Terminal("not_allowed", "An admin has to grant you this dataset before you can import into it.")

    async def demand_bucket(self, caller: Principal, bucket: str) -> None:
        """Raises Terminal source_forbidden. No admin gets around this: a bucket is opened to krai by being named here."""
        found = await self._look(Resource.BUCKET, bucket)
        if not any(caller.admin or not caller.names.isdisjoint(grant.read) for grant in found):
            raise Terminal("source_forbidden")

    async def demand_again(self, caller: Principal, job: Job) -> None:
        """What was demanded when the job was accepted that is to run once more. Raises what that raised."""
        if job.type is Kind.EXPORT:
            await self.demand_read(caller, job.dataset)
        elif job.type in WRITERS:
            await self.demand_write(caller, job.dataset)
        elif job.type is Kind.DROP:
            caller.demand(Scope.ADMIN)
        if job.source is not None and "bucket" in job.source:
            await self.demand_bucket(caller, job.source["bucket"])

    async def _look(self, resource: Resource, name: str) -> Sequence[Grant]:
        key = _key(resource, name)

        async def read() -> Sequence[Grant]:
            doc = await self._directory.get(COLLECTION, key)
            return () if doc is None else (Grant.from_doc(key, doc),)

        return await self._known.look(key, TRUSTED_S, read) or ()


def _may_read(caller: Principal, grant: Grant) -> bool:
    """Who may write may read what is there, too."""
    return not caller.names.isdisjoint(grant.read | grant.write)


def _key(resource: Resource, name: str) -> str:
    return f"{resource}/{name}"
