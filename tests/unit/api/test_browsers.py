"""What browsers are told: which pages may call krai, and to do nothing with an answer but show it."""

from pathlib import Path

import pytest

from krai.settings import Settings
from tests.unit.api.house import House, open_house, problem

OURS = "https://dashboard.example.org"
PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "x-api-key,content-type,idempotency-key"}


async def test_a_page_of_ours_may_call_and_read_what_it_needs(tmp_path: Path) -> None:
    async with open_house(tmp_path, CORS_ORIGINS=f"http://localhost:5173, {OURS}") as house:
        asked = await house.client(None).options("/api/v1/exports", headers={"origin": OURS, **PREFLIGHT})
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == OURS
        assert "POST" in asked.headers["access-control-allow-methods"]
        for status, client in ((202, house.http), (401, house.client(None))):
            answer = await client.post("/api/v1/exports", json={"dataset": "users"}, headers={"origin": OURS})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, OURS)
            assert "retry-after" in answer.headers["access-control-expose-headers"]
            assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://dashboard.example.org", f"{OURS}.evil.test", f"{OURS}:8443", ""])
async def test_a_page_of_anybody_else_may_not(tmp_path: Path, origin: str) -> None:
    async with open_house(tmp_path, CORS_ORIGINS=OURS) as house:
        asked = await house.http.options("/api/v1/exports", headers={"origin": origin, **PREFLIGHT})
        assert problem(asked, 405) == "method_not_allowed"
        answer = await house.http.get("/api/v1/jobs", headers={"origin": origin})
        for headers in (asked.headers, answer.headers):
            assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origins", ["*", "https://a.example/", "a.example", "https://A.example", "https://a.example;b.example", "null"])
def test_what_is_no_list_of_origins_is_refused(origins: str) -> None:
    with pytest.raises(ValueError, match="CORS_ORIGINS"):
        Settings.model_validate({"CORS_ORIGINS": origins})


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/jobs", "/nowhere", "/docs", "/problems/not_found"])
async def test_no_answer_may_be_framed_sniffed_or_load_from_elsewhere(house: House, path: str) -> None:
    headers = (await house.http.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy
    assert "strict-transport-security" not in headers


async def test_behind_https_browsers_are_told_to_stay_there(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_PUBLIC_URL="https://krai.example.org") as house:
        assert "max-age=31536000" in (await house.http.get("/nowhere")).headers["strict-transport-security"]
