"""Grants: who may read and write what, and for how long after it was taken away."""

from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from krai import grants
from krai.access import ALL, DEPLOYMENT, Principal
from krai.backends.local.directory import LocalDirectory
from krai.errors import Terminal
from krai.grants import Grants, Resource

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
ADMIN = Principal(id=DEPLOYMENT, scopes=ALL)
ADA = Principal(id="https://issuer.test|1", email="ada@example.org", groups=frozenset({"sales"}), tenant="acme")
BOB = Principal(id="https://other.test|2", email="bob@example.org", tenant="globex")
SCRIPT = Principal(id="key:00000000000000ad")


@pytest.fixture
def known(directory: LocalDirectory) -> Grants:
    return Grants(directory)


async def grant(known: Grants, name: str = "orders", resource: Resource = Resource.DATASET, *, read: str = "", write: str = "") -> None:
    await known.put(resource, name, read=read.split(), write=write.split(), by=ADMIN, now=NOW)


async def refusal(demand: Awaitable[None]) -> str | None:
    """The code it is refused with, None when it is not."""
    try:
        await demand
    except Terminal as refused:
        return refused.code
    return None


async def may_read(known: Grants, caller: Principal, dataset: str = "orders") -> bool:
    """The same of one dataset and of a list."""
    refused = await refusal(known.demand_read(caller, dataset))
    assert refused in {None, "dataset_not_found"}
    assert (dataset in await known.readable(caller, [dataset])) == (refused is None)
    return refused is None


async def may_write(known: Grants, caller: Principal, dataset: str = "orders") -> bool:
    refused = await refusal(known.demand_write(caller, dataset))
    assert refused in {None, "not_allowed"}
    return refused is None


async def test_a_dataset_without_grants_is_everybodys(known: Grants) -> None:
    for caller in (ADA, BOB, SCRIPT, ADMIN):
        assert await may_read(known, caller)
        assert await may_write(known, caller)


@pytest.mark.parametrize("grantee", ["user:ada@example.org", "group:sales", "tenant:acme"])
async def test_a_grant_is_for_whom_it_names(known: Grants, grantee: str) -> None:
    await grant(known, read=grantee)
    assert await may_read(known, ADA)
    assert not await may_write(known, ADA)
    for other in (BOB, SCRIPT):
        assert not await may_read(known, other)
        assert not await may_write(known, other)
    assert await may_read(known, ADMIN)
    assert await may_write(known, ADMIN)
    assert await may_read(known, BOB, "another"), "grants are of one dataset"


async def test_who_may_write_may_read_and_all_is_everybody(known: Grants) -> None:
    await grant(known, write="key:00000000000000ad")
    assert await may_read(known, SCRIPT)
    assert await may_write(known, SCRIPT)
    assert not await may_read(known, ADA)
    await grant(known, read="all", write="group:sales")
    assert await may_read(known, BOB)
    assert not await may_write(known, BOB)
    assert await may_write(known, ADA)


async def test_a_grant_to_nobody_is_for_admins(known: Grants) -> None:
    await grant(known)
    assert not await may_read(known, ADA)
    assert await may_read(known, ADMIN)
    await known.remove(Resource.DATASET, "orders", by=ADMIN)
    assert await may_read(known, ADA)
    with pytest.raises(Terminal, match="not_found"):
        await known.remove(Resource.DATASET, "orders", by=ADMIN)


async def test_a_bucket_is_nobodys_until_it_is_granted_also_not_an_admins(known: Grants) -> None:
    for caller in (ADA, ADMIN):
        with pytest.raises(Terminal, match="source_forbidden"):
            await known.demand_bucket(caller, "orders")
    await grant(known, resource=Resource.DATASET, read="all")
    with pytest.raises(Terminal, match="source_forbidden"):
        await known.demand_bucket(ADA, "orders")  # a dataset of that name is no bucket
    await grant(known, resource=Resource.BUCKET, read="tenant:acme")
    await known.demand_bucket(ADA, "orders")
    await known.demand_bucket(ADMIN, "orders")
    with pytest.raises(Terminal, match="source_forbidden"):
        await known.demand_bucket(BOB, "orders")


async def test_what_another_process_takes_away_is_gone_within_seconds(
    directory: LocalDirectory, known: Grants, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Grants(directory)
    assert await may_write(known, BOB)
    await grant(elsewhere, write="user:ada@example.org")
    assert await may_write(known, BOB), "it was looked up a moment ago"
    monkeypatch.setattr(grants, "TRUSTED_S", -1.0)
    assert not await may_write(known, BOB)
    assert grants.TRUSTED_S < 60


async def test_all_come_back_as_they_were_put(known: Grants) -> None:
    await grant(known, read="all", write="user:ada@example.org group:sales")
    await grant(known, "acme-landing", Resource.BUCKET, read="all")
    bucket, dataset = await known.all()
    assert (bucket.resource, bucket.name, bucket.read, bucket.write) == (Resource.BUCKET, "acme-landing", frozenset({"all"}), frozenset())
    assert (dataset.resource, dataset.name, dataset.write) == (
        Resource.DATASET,
        "orders",
        frozenset({"user:ada@example.org", "group:sales"}),
    )
    assert (dataset.changed_at, dataset.changed_by) == (NOW, DEPLOYMENT)
