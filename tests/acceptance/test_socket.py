"""`/ws`: all jobs that a caller may see, as they change, whichever process changes them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.krai_process import QUICK

WITHIN_S = 30

pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai(QUICK).start()


@contextmanager
def listening(krai: Deployment, key: str) -> Iterator[ClientConnection]:
    headers = {"x-api-key": key}
    with connect(f"{krai.api.base_url.replace('http', 'ws')}/ws", additional_headers=headers, proxy=None) as socket:
        yield socket


@contextmanager
def script(krai: Deployment, name: str) -> Iterator[KraiClient]:
    key = krai.krai.http.post("/token", json={"name": name}).json()["key"]
    client = KraiClient(krai.api.base_url, key)
    yield client
    client.close()


def until_finished(socket: ClientConnection, job_id: str) -> list[dict[str, Any]]:
    """What is told of the job, up to its end; nothing may be told of another one."""
    told: list[dict[str, Any]] = []
    while not told or told[-1]["finished_at"] is None:
        event = json.loads(socket.recv(WITHIN_S))
        assert (event["event"], event["data"]["job_id"]) == ("job", job_id)
        told.append(event["data"])
    return told


def test_a_caller_hears_of_its_own_jobs_alone_and_an_admin_of_all(krai: Deployment) -> None:
    with script(krai, "ada") as ada, script(krai, "bob") as bob:
        admins = str(krai.krai.http.headers["x-api-key"])
        keys = [str(client.http.headers["x-api-key"]) for client in (ada, bob)]
        with listening(krai, keys[0]) as to_ada, listening(krai, keys[1]) as to_bob, listening(krai, admins) as to_admin:
            for client, socket in ((ada, to_ada), (bob, to_bob)):
                job_id = client.submit_export(dataset="users", limit=5)
                last = until_finished(socket, job_id)[-1]
                assert last == client.http.get(f"/api/v1/jobs/{job_id}").json()
                to_an_admin = until_finished(to_admin, job_id)[-1]
                (attempt,) = to_an_admin["attempts"]
                assert attempt["worker"] is not None
                assert to_an_admin | {"attempts": [attempt | {"worker": None}]} == last
                assert (last["status"], last["progress"]) == ("COMPLETED", 100)
            with pytest.raises(TimeoutError):
                to_ada.recv(1.5)


def test_who_may_not_listen_is_told_why_by_http(krai: Deployment) -> None:
    with pytest.raises(InvalidStatus) as refused, listening(krai, "krai_no_such_key"):
        pass
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body or b"")["code"]) == (401, "invalid_key")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "x-request-id" in answer.headers


def test_a_server_that_stops_says_so(krai: Deployment) -> None:
    with listening(krai, str(krai.krai.http.headers["x-api-key"])) as socket:
        krai.api.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(WITHIN_S)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code in {1001, 1012}
    assert krai.api.wait_until_dead(within_s=30) == 0
