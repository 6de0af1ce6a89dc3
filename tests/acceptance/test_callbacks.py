"""Callbacks of real processes. No host of a test is on the public internet, so what can be seen here is that none of it is called, and
that a job is what it is whatever comes of its callback; `tests/unit/webhooks` has the calls that are answered.
"""

import signal
from typing import Any

import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import QUICK
from tests.acceptance.waiting import until

pytestmark = EMBEDDED_IN_THE_GATE

# RFC 6761: a name that resolves to nothing anywhere.
NOWHERE = "https://hooks.invalid/krai?token=in-the-query"


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai(QUICK)


def attempted(krai: Deployment, job_id: str, times: int = 1) -> dict[str, Any]:
    """The job once its receiver was called in vain so many times."""

    def seen() -> dict[str, Any] | None:
        job = krai.krai.job(job_id)
        return job if job["callback"]["last_error"] and job["callback"]["attempts"] >= times else None

    found = until("an attempt is settled", seen, within_s=45)
    assert found is not None
    return found


def is_unharmed(krai: Deployment, job: dict[str, Any]) -> None:
    assert (job["status"], job["error"]) == ("COMPLETED", None)
    callback = job["callback"]
    assert (callback["url"], callback["state"]) == ("https://hooks.invalid/krai", "pending")
    assert (callback["last_error"], callback["last_status"]) == ("webhook_unreachable", None)
    assert callback["next_at"] > job["finished_at"]
    assert krai.krai.result(job["job_id"])["records"] == 10_000
    for process in krai.processes:
        assert "in-the-query" not in process.log()


# First: what an earlier test has left to be tried again would have the failpoint reached too soon.
def test_a_receiver_that_nobody_lived_to_tell_is_told_by_the_sweep(krai: Deployment) -> None:
    krai.start(KRAI_FAIL="before_callback")
    secret = krai.krai.http.get("/api/v1/webhooks/secret").json()
    job_id = krai.krai.submit_export(dataset="users", callback_url=NOWHERE)
    assert krai.runner.wait_until_dead(within_s=30) == -signal.SIGKILL, "the failpoint was not reached"
    krai.start()
    job = krai.krai.job(job_id)
    assert (job["status"], job["attempt"]) == ("COMPLETED", 1)
    is_unharmed(krai, attempted(krai, job_id, times=2))
    assert krai.krai.http.get("/api/v1/webhooks/secret").json() == secret


def test_a_job_stays_completed_where_nobody_can_be_told(krai: Deployment) -> None:
    job_id = krai.krai.submit_export(dataset="users", callback_url=NOWHERE)
    krai.krai.result_of(job_id)
    is_unharmed(krai, attempted(krai, job_id))
