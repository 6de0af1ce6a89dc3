"""What stands before krai is believed when it is trusted, and nobody else is."""

import json
from pathlib import Path

import httpx
import pytest

from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.waiting import until

CLIENT = "203.0.113.9"


@pytest.mark.parametrize(
    ("trusted", "scheme", "client"), [("127.0.0.0/8", "https", CLIENT), ("10.0.0.0/8", "http", "127.0.0.1"), ("", "http", "127.0.0.1")]
)
def test_only_a_trusted_proxy_says_who_asks_and_how(tmp_path: Path, trusted: str, scheme: str, client: str) -> None:
    env = {"KRAI_SAMPLES": "off", "KRAI_LOG": "json", "KRAI_TRUSTED_PROXIES": trusted}
    with KraiProcess(tmp_path / "data", env=env) as krai:
        krai.start()
        passed_on = {"x-forwarded-proto": "https", "x-forwarded-for": f"evil, {CLIENT}", "host": "krai.example.org"}
        answer = httpx.get(krai.base_url, headers=passed_on)
        assert answer.json()["links"]["docs"] == f"{scheme}://krai.example.org/docs"
        refused = httpx.get(f"{krai.base_url}/api/v1/jobs", headers=passed_on)
        (line,) = until("it is noted", lambda: [line for line in krai.whole_log().splitlines() if "caller refused" in line], within_s=5)
    noted = json.loads(line)
    assert (noted["status"], noted["client"], noted["request_id"]) == (401, client, refused.headers["x-request-id"])
