"""What every answer has, whatever made it."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.unit.api.house import House, open_house, problem

UNKNOWN = "0" * 32


@pytest.mark.parametrize("sent", ["my-request.42_x", "a" * 64])
async def test_a_harmless_request_id_is_taken(house: House, sent: str) -> None:
    assert (await house.client(None).get("/healthz", headers={"x-request-id": sent})).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["short", "a" * 65, "a b c d e", "évitable", "<script>alert(1)"])
async def test_any_other_is_replaced(house: House, sent: str) -> None:
    answer = await house.client(None).get("/healthz", headers=[(b"x-request-id", sent.encode())])
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_every_request_has_an_id_of_its_own(house: House) -> None:
    assert len({(await house.http.get(path)).headers["x-request-id"] for path in ("/", "/healthz", "/nowhere", "/api/v1/jobs")}) == 4


async def test_a_job_carries_the_trace_of_its_request(house: House) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = await house.http.post("/api/v1/exports", json={"dataset": "users"}, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    job = await house.stores.jobs.get(answer.json()["job_id"])
    assert job is not None
    assert job.traceparent is not None
    assert job.traceparent.split("-")[1] == trace


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/api/v1/datasets", f"/api/v1/jobs/{UNKNOWN}", "/api/v1/nowhere"])
async def test_nothing_of_the_api_is_cached(house: House, path: str) -> None:
    answer = await house.http.get(path)
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", f"/api/v1/jobs/{UNKNOWN}", "DELETE, GET, HEAD"),
        ("TRACE", f"/api/v1/jobs/{UNKNOWN}", "DELETE, GET, HEAD"),
        ("FOO", f"/api/v1/jobs/{UNKNOWN}", "DELETE, GET, HEAD"),
        ("GET", "/api/v1/exports", "POST"),
        ("HEAD", "/api/v1/exports", "POST"),
        ("GET", f"/api/v1/jobs/{UNKNOWN}/cancel", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("POST", "/files/x", "GET, HEAD"),
        ("DELETE", "/uploads/x", "PUT"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(house: House, method: str, path: str, allowed: str) -> None:
    answer = await house.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert problem(answer, 405) == "method_not_allowed"


async def test_what_breaks_is_logged_and_not_shown(house: House) -> None:
    job_id = await house.submit()
    await house.complete(job_id, {"format": "what a broken worker could write"})
    with capture_logs() as lines:
        answer = await house.http.get(f"/api/v1/jobs/{job_id}/result")
    assert problem(answer, 500) == "internal"
    assert "Traceback" not in answer.text
    assert "KeyError" not in answer.text
    (line,) = [line for line in lines if line["event"] == "request failed"]
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["route"] == "/api/v1/jobs/{job_id}/result"
    assert line["exc_info"]


async def test_what_breaks_in_the_middle_of_an_answer_cuts_it_off(house: House) -> None:
    url = f"/api/v1/jobs/{await house.submit()}/events"
    request = house.http.build_request("GET", url)
    sent: list[str] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message["type"])
        await house.stores.jobs.close()  # with the first state on its way

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }
    with capture_logs() as lines, pytest.raises(ExceptionGroup):
        await asyncio.wait_for(house.app(scope, receive, send), 10)
    assert sent.count("http.response.start") == 1
    assert [line["event"] for line in lines] == ["request failed"]


@pytest.mark.parametrize("headers", [[(f"x-{n}", "") for n in range(101)], [("x-long", "x" * 32 * 1024)]])
async def test_headers_have_their_limit(house: House, headers: list[tuple[str, str]]) -> None:
    answer = await house.client(None).get("/healthz", headers=headers)
    assert problem(answer, 431) == "headers_too_large"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("host", ["krai.example.org", "127.0.0.1:8080", "[::1]:8080"])
async def test_links_lead_to_where_the_client_came(house: House, host: str) -> None:
    card = (await house.http.get("/", headers={"host": host})).json()
    assert card["links"]["jobs"] == f"http://{host}/api/v1/jobs"


@pytest.mark.parametrize("host", ["evil.test/path?", "a b", 'x"><script>', "", "user@host"])
async def test_links_lead_nowhere_else(house: House, host: str) -> None:
    card = (await house.http.get("/", headers={"host": host})).json()
    assert card["links"]["jobs"] == "http://krai.test/api/v1/jobs"


async def test_links_lead_to_the_public_address_if_there_is_one(tmp_path: Path) -> None:
    async with open_house(tmp_path, KRAI_PUBLIC_URL="https://krai.example.org/") as house:
        answer = await house.post("exports", {"dataset": "users"})
        assert answer.headers["location"].startswith("https://krai.example.org/api/v1/jobs/")
        assert (await house.post("uploads", {})).json()["upload_url"].startswith("https://krai.example.org/uploads/")


async def test_no_foreign_page_is_let_in(house: House) -> None:
    for origin in ("https://evil.test", "null"):
        headers = {"origin": origin, "access-control-request-method": "DELETE"}
        answer = await house.http.options(f"/api/v1/jobs/{UNKNOWN}", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_neither_keys_nor_bodies_are_logged(house: House) -> None:
    with capture_logs() as lines:
        await house.post("exports", {"dataset": "users", "description": "kilroy was here", "labels": {"a": "kilroy"}})
        await house.post("exports", {"dataset": "kilroy\nwas here", "description": "kilroy"})
        await house.client("the-key-of-kilroy").get("/api/v1/jobs")
    assert [line["event"] for line in lines] == ["job accepted", "caller refused"]
    assert "kilroy" not in str(lines)
