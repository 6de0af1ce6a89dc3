"""Registered webhooks of real processes, on an internet of the test: what a receiver gets, by the standard's own library."""

import signal
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook as Standard

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import QUICK
from tests.acceptance.waiting import until
from tests.hostile.internet import Internet, outside
from tests.https_source import say

pytestmark = EMBEDDED_IN_THE_GATE
WITHIN_S = 45
WEBHOOKS = "/api/v1/webhooks"


@pytest.fixture(scope="module")
def internet(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """One for each mode."""
    with outside(tmp_path_factory.mktemp(f"outside-{mode}")) as internet:
        yield internet
        internet.holds()


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai, internet: Internet) -> Deployment:
    return new_krai(QUICK | internet.environment)


def register(krai: Deployment, url: str, **body: Any) -> dict[str, Any]:
    answer = krai.krai.http.post(WEBHOOKS, json={"url": url, **body})
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    return made


def delivery(krai: Deployment, webhook: dict[str, Any], job_id: str) -> dict[str, Any] | None:
    """None until the job has ended."""
    listed = krai.krai.http.get(f"{WEBHOOKS}/{webhook['webhook_id']}/deliveries").json()["deliveries"]
    return next((one for one in listed if one["job_id"] == job_id), None)


def settled(krai: Deployment, webhook: dict[str, Any], job_id: str, state: str) -> dict[str, Any]:
    def seen() -> dict[str, Any] | None:
        found = delivery(krai, webhook, job_id)
        return found if found is not None and found["state"] == state else None

    found = until(f"the delivery is {state}", seen, within_s=WITHIN_S)
    assert found is not None
    return found


def posts(internet: Internet, host: str) -> list[tuple[dict[str, str], bytes]]:
    return [(headers, body) for headers, body in internet.server.posts if headers["host"].startswith(host)]


# First: what an earlier test has left to be tried again would have the failpoint reached too soon.
@pytest.mark.long  # who began an attempt has a minute for it
def test_who_was_told_by_a_worker_that_died_then_is_told_again_under_the_same_id(krai: Deployment, internet: Internet) -> None:
    krai.start(KRAI_FAIL="after_callback")
    host = internet.host("twice", partial(say, status=204))
    webhook = register(krai, internet.url(host))
    secret = krai.krai.http.get(f"{WEBHOOKS}/{webhook['webhook_id']}/secret").json()["secret"]
    job_id = krai.krai.submit_export(dataset="users", limit=3)
    assert krai.runner.wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"
    krai.start()
    assert settled(krai, webhook, job_id, "pending")["attempts"] == 1
    told = until("it is told again", lambda: posts(internet, host)[1:] and posts(internet, host), within_s=90)
    assert {headers["webhook-id"] for headers, _ in told} == {f"msg_{job_id}_completed"}
    messages = [Standard(secret).verify(body, headers) for headers, body in told]
    assert messages[0] == messages[1]
    assert (messages[0]["type"], messages[0]["data"]["job_id"], messages[0]["data"]["status"]) == ("job.completed", job_id, "COMPLETED")
    assert "download_url" not in told[0][1].decode()
    assert settled(krai, webhook, job_id, "delivered")["attempts"] == 2
    krai.krai.http.delete(f"{WEBHOOKS}/{webhook['webhook_id']}")


def test_one_receiver_takes_it_one_is_gone_and_one_hears_of_failures_alone(krai: Deployment, internet: Internet) -> None:
    if not krai.runner.runs:
        krai.start()
    hosts = {name: internet.host(name, partial(say, status=status)) for name, status in (("takes", 204), ("gone", 410), ("fails", 204))}
    takes, gone = (register(krai, f"{internet.url(hosts[name])}?token=in-the-query") for name in ("takes", "gone"))
    fails = register(krai, internet.url(hosts["fails"]), events=["job.failed"], scope="all")
    job_id = krai.krai.submit_export(dataset="users", limit=3)
    assert settled(krai, takes, job_id, "delivered")["last_status"] == httpx.codes.NO_CONTENT
    assert settled(krai, gone, job_id, "disabled")["last_status"] == httpx.codes.GONE
    after = krai.krai.http.get(f"{WEBHOOKS}/{gone['webhook_id']}").json()
    assert (after["enabled"], after["disabled_why"]) == (False, "gone")
    failed = krai.krai.submit_import(dataset="w", source={"upload_id": krai.krai.upload(b"\x89PNG\r\n")})
    assert krai.krai.wait_until_finished(failed)["status"] == "FAILED"
    assert settled(krai, fails, failed, "delivered")["event"] == "job.failed"
    settled(krai, takes, failed, "delivered")
    assert [len(posts(internet, host)) for host in hosts.values()] == [2, 1, 1]

    again = settled(krai, takes, job_id, "delivered")["delivery_id"]
    answer = krai.krai.http.post(f"{WEBHOOKS}/{takes['webhook_id']}/deliveries/{again}/resend")
    assert answer.status_code == httpx.codes.ACCEPTED
    told = until("it is sent again", lambda: posts(internet, hosts["takes"])[2:], within_s=WITHIN_S)
    assert told[0][0]["webhook-id"] == again
    test = krai.krai.http.post(f"{WEBHOOKS}/{takes['webhook_id']}/test").json()
    assert (test["delivered"], test["status"]) == (True, httpx.codes.NO_CONTENT)
    for process in krai.processes:
        assert "in-the-query" not in process.log()
