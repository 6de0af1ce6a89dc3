"""What Prometheus reads, from each process on a port of its own."""

import httpx
import pytest

from scripts.ports import free_port
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import KraiProcess

pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    krai = new_krai({})
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
    assert not [name for name in api if "nowhere" in name or "BREW" in name], "what comes from outside makes no series"


def test_they_are_not_on_the_public_port(krai: Deployment) -> None:
    assert krai.krai.http.get("/metrics").status_code == httpx.codes.NOT_FOUND
