"""Accepting a job, with the embedded stores: what is written when, and what a failure in between leaves behind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from krai import submit
from krai.errors import Terminal, Transient
from krai.job import Kind
from krai.ports import IdempotencyRecord, JobQuery, Stores
from krai.submit import Inline, Order, Registered, Remote
from tests.queues import waiting
from tests.unit.api.house import House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        yield house


@pytest.fixture
def stores(house: House) -> Stores:
    return house.stores


ORDER = Order(dataset="users", created_by="ada", max_attempts=3, params={"format": "csv"}, labels={"a": "b"}, description="d")


def a_record(stores: Stores, scope: str = "s") -> IdempotencyRecord:
    answer = {"status": 202, "headers": {}, "body": "{}"}
    return IdempotencyRecord(scope=scope, fingerprint="f", answer=answer, expires_at=stores.jobs.now().replace(year=2100))


async def test_a_prepared_job_is_written_nowhere(stores: Stores) -> None:
    job = await submit.export(stores, ORDER)
    assert (job.type, job.created_by, job.max_attempts, job.labels, job.description) == (Kind.EXPORT, "ada", 3, {"a": "b"}, "d")
    assert await stores.jobs.get(job.job_id) is None


async def test_an_accepted_job_is_written_and_published(stores: Stores) -> None:
    job = await submit.export(stores, ORDER)
    assert await submit.accept(stores, job) is None
    assert await stores.jobs.get(job.job_id) == job
    (delivery,) = await stores.queue.pull(9, wait_s=0, lease_s=9)
    assert delivery.job_id == job.job_id


async def test_a_taken_scope_gives_the_earlier_record_and_no_job(stores: Stores, tmp_path: Path) -> None:
    first, second = await submit.export(stores, ORDER), await submit.export(stores, ORDER)
    record = a_record(stores)
    assert await submit.accept(stores, first, record) is None
    assert await submit.accept(stores, second, replace(record, fingerprint="other")) == record
    assert await stores.jobs.get(second.job_id) is None
    assert waiting(tmp_path) == 1


async def test_a_queue_that_is_away_costs_no_job(stores: Stores) -> None:
    await stores.queue.close()
    job = await submit.export(stores, ORDER)
    with capture_logs() as lines:
        assert await submit.accept(stores, job) is None
    stored = await stores.jobs.get(job.job_id)
    assert stored is not None
    assert stored.due_at is not None, "the sweep looks at it"
    assert [line["event"] for line in lines] == ["job not published", "job accepted"]


async def test_a_job_store_that_is_away_wakes_nobody(stores: Stores, tmp_path: Path) -> None:
    job = await submit.export(stores, ORDER)
    await stores.jobs.close()
    with pytest.raises(Transient):
        await submit.accept(stores, job)
    assert waiting(tmp_path) == 0


async def test_records_are_noted_before_they_are_stored(house: House, tmp_path: Path) -> None:
    # A file where the folder of uploads should be: the records cannot be stored.
    (tmp_path / "blobs").mkdir(exist_ok=True)
    (tmp_path / "blobs" / "uploads").write_text("in the way")
    with pytest.raises(OSError, match="uploads"):
        await submit.import_(house.stores, ORDER, Inline([{"a": 1}]))
    assert len(await house.stores.directory.list("uploads")) == 1
    assert (await house.stores.jobs.find(JobQuery())).jobs == []


async def test_a_drop_needs_a_dataset(stores: Stores) -> None:
    assert (await submit.drop(stores, ORDER)).type is Kind.DROP
    with pytest.raises(Terminal, match="dataset_not_found"):
        await submit.drop(stores, replace(ORDER, dataset="nothing"))


async def test_a_format_that_was_asked_for_is_kept(house: House) -> None:
    await house.store("sources/x.csv", b"a\n")
    await house.stores.directory.put("sources", "x", {"path": "sources/x.csv", "format": "csv"})
    for asked, expected in (("auto", "csv"), ("parquet", "parquet")):
        order = replace(ORDER, params={"format": asked})
        assert (await submit.import_(house.stores, order, Registered("x"))).params["format"] == expected
    await house.stores.directory.put("sources", "x", {"path": "sources/x.csv"})
    order = replace(ORDER, params={"format": "auto"})
    assert (await submit.import_(house.stores, order, Registered("x"))).params["format"] == "auto"


async def test_a_url_is_not_even_looked_at_where_they_are_off(stores: Stores) -> None:
    with pytest.raises(Terminal, match="url_imports_off"):
        await submit.import_(stores, ORDER, Remote("no url at all", allowed=False))


async def test_a_source_must_be_the_one_that_was_accepted(house: House) -> None:
    await house.store("uploads/x", b"a\n")
    blob = house.stores.blobs.stat("uploads/x")
    assert blob is not None
    source = {"path": "uploads/x", "generation": blob.generation}
    await submit.check_source(house.stores, source)
    await submit.check_source(house.stores, None)
    await submit.check_source(house.stores, {"url": "https://example.org"})
    with pytest.raises(Terminal, match="source_changed"):
        await submit.check_source(house.stores, {**source, "generation": "other"})
    with pytest.raises(Terminal, match="source_missing"):
        await submit.check_source(house.stores, {**source, "path": "uploads/y"})
