"""Two API processes count a caller's requests together, in Redis."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from redis import Redis

from krai.api.limits import RateLimit
from scripts.ports import free_port
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.waiting import until

CREATES = 100
READS, BLOCK = 400, 4  # a server takes up to a hundredth at once
LEFT = re.compile(r";r=(\d+);")


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server of this module's own. Without redis-server it skips on a laptop and fails where CI=true."""
    program = shutil.which("redis-server")
    if program is None:
        message = "redis-server is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen([program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""], cwd=folder, stdout=output)
    try:
        until("Redis is ready", lambda: b"eady to accept connections" in log.read_bytes(), within_s=20)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai, redis: str) -> Deployment:
    limit = {"KRAI_SAMPLES": "off", "KRAI_RATE_LIMIT_CREATE": f"{CREATES}/15minutes", "KRAI_RATE_LIMIT_STORAGE": redis}
    return new_krai(limit | {"KRAI_RATE_LIMIT_READ": f"{READS}/15minutes"}).start()


@pytest.fixture
def second(krai: Deployment) -> Iterator[KraiProcess]:
    with krai.worker("main.py") as process:
        process.start()
        yield process


@EMBEDDED_IN_THE_GATE
def test_two_servers_refuse_what_is_too_much_between_them(krai: Deployment, second: KraiProcess) -> None:
    """Whatever was let through counts, also what a busy store then answered with 503."""
    clients = [process.client.http for process in (krai.api, second)]
    another = {"x-api-key": _another_key(clients[0])}
    taken = CREATES - int(LEFT.search(clients[0].post("/api/v1/uploads").headers["ratelimit"])[1])  # type: ignore[index]
    for number in range(taken, CREATES):
        answer = clients[number % 2].post("/api/v1/uploads")
        assert answer.status_code != httpx.codes.TOO_MANY_REQUESTS, f"number {number} of {CREATES}"
        assert f";r={CREATES - 1 - number};" in answer.headers["ratelimit"]
    for client in clients:
        refused = client.post("/api/v1/uploads")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) > 0
    for client in clients:
        assert client.post("/api/v1/uploads", headers=another).status_code != httpx.codes.TOO_MANY_REQUESTS


@EMBEDDED_IN_THE_GATE
def test_two_servers_refuse_reads_that_are_too_many_between_them(krai: Deployment, second: KraiProcess) -> None:
    clients = [process.client.http for process in (krai.api, second)]
    before = int(LEFT.search(clients[0].get("/token").headers["ratelimit"])[1])  # type: ignore[index]
    answers = [clients[number % 2].get("/token") for number in range(before + 2)]
    taken = sum(answer.status_code == httpx.codes.OK for answer in answers)
    assert before - 2 * BLOCK <= taken <= before
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.long
async def test_a_busy_reader_seldom_waits_for_redis(redis: str) -> None:
    limit = RateLimit("read", "10000/hour", redis, "another deployment", exact=False)
    calls_before = _scripts_run(redis)
    left = []
    for _ in range(300):
        scope: dict[str, Any] = {"answer_headers": []}
        await limit.take(scope, "ada")
        left.append(dict(scope["answer_headers"])[b"ratelimit"].partition(b";t=")[0])
    assert left == [f'"read";r={number}'.encode() for number in range(9_999, 9_699, -1)]
    assert _scripts_run(redis) - calls_before == 2 * 9, "1, 2, 4, … 64, then a hundredth at once: each is taken, and what is left asked for"


def _scripts_run(redis: str) -> int:
    """How often Redis was asked to count."""
    with Redis.from_url(redis) as client:
        stats: dict[str, dict[str, int]] = client.info("commandstats")
    return stats.get("cmdstat_evalsha", {"calls": 0})["calls"]


def _another_key(client: httpx.Client) -> str:
    """A key, whose bearer has a count of its own."""
    made = until("a key was made", lambda: _created(client.post("/token", json={"name": "another"})), within_s=60)
    assert made is not None
    return str(made.json()["key"])


def _created(answer: httpx.Response) -> httpx.Response | None:
    return answer if answer.status_code == httpx.codes.CREATED else None


@EMBEDDED_IN_THE_GATE
def test_a_server_whose_redis_is_gone_counts_by_itself(new_krai: NewKrai) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    krai = new_krai({"KRAI_SAMPLES": "off", "KRAI_RATE_LIMIT_CREATE": "2/hour", "KRAI_RATE_LIMIT_STORAGE": nowhere}).start()
    answers = [krai.krai.http.post("/api/v1/uploads").status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    krai.stop()
