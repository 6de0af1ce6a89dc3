"""Row 26: one caller's thousands of jobs, and another's one. Here they are as many as a small quota lets in."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.deployment import Deployment, embedded
from tests.acceptance.krai_client import Json, KraiClient
from tests.acceptance.krai_process import QUICK
from tests.acceptance.ledger import ledger_is_clean
from tests.hostile.case import EXPORTS

QUEUED, AT_ONCE = 30, 2
EXPORT: Json = {"dataset": "users", "limit": 1}
STARTS_WITHIN_S = 60


@pytest.fixture
def krai(tmp_path: Path) -> Iterator[Deployment]:
    """In mode gcp tests/acceptance/test_fair_order.py asks the same."""
    quotas = {"KRAI_QUOTA_QUEUED": str(QUEUED), "KRAI_QUOTA_RUNNING": str(AT_ONCE), "KRAI_SLOTS": "1"}
    with embedded(tmp_path / "data", QUICK | quotas) as krai:
        yield krai.start()
        ledger_is_clean(krai)


@pytest.fixture
def callers(krai: Deployment) -> Iterator[tuple[KraiClient, KraiClient]]:
    keys = [krai.krai.http.post("/token", json={"name": name}).json()["key"] for name in ("a", "b")]
    with KraiClient(krai.api.base_url, keys[0]) as one, KraiClient(krai.api.base_url, keys[1]) as other:
        yield one, other


def test_26_a_caller_who_has_too_much_waits_and_nobody_else_does(krai: Deployment, callers: tuple[KraiClient, KraiClient]) -> None:
    many, single = callers
    with krai.runner.parsers_held():
        answers = [many.http.post(EXPORTS, json=EXPORT) for _ in range(QUEUED + 5)]
        assert [answer.status_code for answer in answers] == [httpx.codes.ACCEPTED] * QUEUED + [httpx.codes.TOO_MANY_REQUESTS] * 5
        for refused in answers[QUEUED:]:
            assert refused.json()["code"] == "quota_exceeded"
            assert int(refused.headers["retry-after"]) > 0
        theirs = single.submit_export(**EXPORT)
    assert single.wait_until_finished(theirs, within_s=STARTS_WITHIN_S)["status"] == "COMPLETED"
    left = many.http.get("/api/v1/jobs", params={"status": "PENDING", "page_size": 100}).json()["jobs"]
    assert len(left) > QUEUED // 2, "those of the other caller were not done first"
    for answer in answers[:QUEUED]:
        assert many.wait_until_finished(answer.json()["job_id"])["status"] == "COMPLETED"
