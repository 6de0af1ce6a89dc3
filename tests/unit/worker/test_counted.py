"""What Prometheus and the doctor are told of a worker's doings."""

import pytest
from prometheus_client import generate_latest

from krai import metrics, workers
from krai.execute import Execution
from krai.job import Status
from krai.ports import Stores
from krai.worker.pool import ChildPool
from tests.unit.worker.test_execution import TERMS, a_worker, accepted, read, until


def counted() -> dict[str, float]:
    lines = [line.rpartition(" ") for line in generate_latest(metrics.REGISTRY).decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@pytest.fixture
def execution(stores: Stores, pool: ChildPool) -> Execution:
    return Execution(stores, pool, TERMS, owner="me")


async def run(stores: Stores, execution: Execution, act: str, status: Status) -> dict[str, float]:
    """What has become more by a job that ends so."""
    before = counted()
    job = await accepted(stores, act)
    await stores.queue.publish(job)
    async with a_worker(execution):
        await until(stores, job, status)
        (worker,) = await workers.seen(stores.directory)
        assert (worker.name, worker.slots) == ("me", 1)
    assert (await read(stores, job)).finished
    assert await workers.seen(stores.directory) == [], "one that stops says goodbye"
    return {name: value - before.get(name, 0) for name, value in counted().items() if value != before.get(name, 0)}


async def test_a_job_that_works(stores: Stores, execution: Execution) -> None:
    more = await run(stores, execution, "fine", Status.COMPLETED)
    assert more['krai_claims_total{outcome="claimed"}'] == 1
    assert more['krai_jobs_ended_total{status="COMPLETED",type="drop"}'] == 1
    assert more['krai_job_duration_seconds_count{type="drop"}'] == more['krai_job_wait_seconds_count{type="drop"}'] == 1
    assert more['krai_sweeps_total{outcome="ok"}'] >= 1
    assert not [name for name in more if name.startswith(("krai_job_failures", "krai_child_restarts", "krai_lease"))]


async def test_a_job_that_kills_its_children(stores: Stores, execution: Execution) -> None:
    more = await run(stores, execution, "abort", Status.FAILED)
    assert more['krai_child_restarts_total{reason="crash"}'] == 3
    assert more['krai_job_failures_total{code="parser_crashed",type="drop"}'] == 1
    assert more['krai_job_attempts_total{status="PENDING",type="drop"}'] == 2
    assert "krai_jobs_running" not in more


async def test_the_queue_is_asked_when_somebody_reads_and_not_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask() -> tuple[int, int, float]:
        asked.append(1)
        if len(asked) == 2:
            raise TimeoutError
        return 3, 2, 1.5

    with metrics.queue_of(ask):
        assert asked == [], "not before"
        first = counted()
        assert (first["krai_queue_depth"], first["krai_queue_backlog"], first["krai_queue_oldest_age_seconds"]) == (3, 5, 1.5)
        assert counted()["krai_queue_depth"] == 3
        assert len(asked) == 1
        monkeypatch.setattr(metrics, "ASK_EVERY_S", 0)
        assert "krai_queue_depth" not in counted(), "no old number where there is no new one"
        assert counted()["krai_queue_depth"] == 3
    assert "krai_queue_depth" not in counted()
