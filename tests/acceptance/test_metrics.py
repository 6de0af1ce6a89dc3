"""What operators see of real processes: what Prometheus reads, from each on a port of its own, and the traces that a collector gets."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from scripts.ports import free_port
from tests.acceptance.collector import Collector, collecting
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.waiting import until

pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def krai(collector: Collector, new_krai: NewKrai) -> Deployment:
    krai = new_krai({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"})
    for process in krai.processes:
        process.env = {**process.env, "KRAI_METRICS_PORT": str(free_port())}
    return krai.start()


def metrics_of(process: KraiProcess) -> dict[str, float]:
    answer = httpx.get(f"http://127.0.0.1:{process.env['KRAI_METRICS_PORT']}/metrics")
    assert answer.status_code == httpx.codes.OK
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_requests_jobs_and_attempts_are_counted(krai: Deployment) -> None:
    krai.krai.export(dataset="users", limit=1)
    krai.krai.http.get("/nowhere/with/a/name")
    krai.krai.http.request("BREW", "/")
    api, runner = metrics_of(krai.api), metrics_of(krai.runner)
    assert api['krai_jobs_accepted_total{type="export"}'] == 1
    assert api['krai_http_request_duration_seconds_count{method="POST",route="/api/v1/exports",status="202"}'] == 1
    assert api['krai_http_request_duration_seconds_count{method="GET",route="none",status="404"}'] == 1
    assert runner['krai_job_attempts_total{status="COMPLETED",type="export"}'] == 1
    assert runner["krai_jobs_running"] == 0
    assert runner["krai_worker_slots"] == 2
    assert runner['krai_jobs_ended_total{status="COMPLETED",type="export"}'] == 1
    assert runner['krai_claims_total{outcome="claimed"}'] == 1
    assert runner['krai_records_processed_total{type="export"}'] == 1
    assert runner["krai_disk_free_bytes"] > 0
    assert (api["krai_queue_depth"], api["krai_queue_backlog"], api["krai_queue_oldest_age_seconds"]) == (0, 0, 0)
    assert ("krai_queue_depth" in runner) == (krai.runner is krai.api), "asked of the store by the API alone"
    assert not [name for name in api if "nowhere" in name or "BREW" in name], "what comes from outside makes no series"


def test_a_job_is_one_trace(krai: Deployment, collector: Collector) -> None:
    trace = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    answer = krai.krai.http.post("/api/v1/exports", json={"dataset": "users", "limit": 1}, headers=headers)
    job = krai.krai.wait_until_finished(answer.json()["job_id"])
    wanted = {"POST /api/v1/exports", f"publish {topic(krai)}", f"process {topic(krai)}", "child export", "reading", "uploading"}
    until("all spans are sent", lambda: wanted <= {name for _, name in collector.of(trace)}, within_s=10)
    services = {name: service for service, name in collector.of(trace)}
    assert services["POST /api/v1/exports"] == "krai-api"
    assert services["process " + topic(krai)] == services["child export"] == ("krai-api" if krai.runner is krai.api else "krai-worker")
    assert job["status"] == "COMPLETED"


def topic(krai: Deployment) -> str:
    return "messages" if krai.runner is krai.api else "krai-jobs"


def test_they_are_not_on_the_public_port(krai: Deployment) -> None:
    assert krai.krai.http.get("/metrics").status_code == httpx.codes.NOT_FOUND
