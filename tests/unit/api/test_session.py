"""A session of somebody who has signed in from a browser: how long it lasts, and whose pages act by it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import time_machine

from krai import sessions, users
from krai.sweep import sweep_sessions
from tests.unit.api.door import ANN, EXPORT, HERE, OURS, at_the_door, browser, sent_back, session_of, signed_in
from tests.unit.api.house import KEY, House, problem
from tests.unit.identity.provider import Provider

PAGE = {"accept": "text/html"}


@pytest.fixture
async def house(tmp_path: Path, provider: Provider) -> AsyncIterator[House]:
    async with at_the_door(tmp_path, provider) as opened:
        yield opened


# -- The session ------------------------------------------------------------------------------------------------------------


async def test_a_sign_in_never_goes_on_with_a_session_that_was_there(house: House) -> None:
    ann = await signed_in(house)
    first = session_of(ann)
    await ann.get(await sent_back(ann))
    second = session_of(ann)
    assert second not in {None, first}
    assert problem(await browser(house, cookie=f"krai-session={first}").get("/api/v1/jobs"), 401) == "unauthenticated"
    planted = browser(house)
    planted.cookies.set("krai-session", "p" * 43, domain="localhost.local", path="/")
    back = await sent_back(planted)
    answer = await planted.get(back)
    assert "p" * 43 not in answer.headers["set-cookie"]


async def test_only_a_digest_is_kept(house: House) -> None:
    ann = await signed_in(house)
    ((name, doc),) = await house.stores.directory.list(sessions.COLLECTION)
    text = session_of(ann) or ""
    assert len(text) == 43
    assert text not in name + str(doc)
    assert {"identity", "email", "tenant", "created_at", "expires_at"} == doc.keys()


async def test_a_made_up_session_is_none(house: House) -> None:
    for cookie in ("x", "é", "x" * 43, "x" * 20_000, "a/b/c"):
        answer = await house.client(None).get("/api/v1/jobs", headers=[(b"cookie", b"krai-session=" + cookie.encode())])
        assert problem(answer, 401) == "unauthenticated"


async def test_a_session_ends_by_itself_and_is_swept(tmp_path: Path, provider: Provider) -> None:
    async with at_the_door(tmp_path, provider, KRAI_SESSION_HOURS=2) as house:
        ann = await signed_in(house)
        text = session_of(ann)
        stale = browser(house, cookie=f"krai-session={text}")
        with time_machine.travel(timedelta(minutes=119)):
            assert (await stale.get("/api/v1/jobs")).status_code == httpx.codes.OK
            assert await sweep_sessions(house.stores) == 0
        with time_machine.travel(timedelta(minutes=121)):
            assert problem(await stale.get("/api/v1/jobs"), 401) == "unauthenticated"
            assert await sweep_sessions(house.stores) == 1
        assert await house.stores.directory.list(sessions.COLLECTION) == []


async def test_who_is_removed_is_out_and_comes_back_by_signing_in_alone(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await signed_in(house)
    assert (await ann.get("/api/v1/jobs")).status_code == httpx.codes.OK
    assert users.TRUSTED_S < 60
    monkeypatch.setattr(users, "TRUSTED_S", 0.0)
    await house.http.delete("/api/v1/users", params={"email": ANN})
    assert problem(await ann.get("/api/v1/jobs"), 403) == "not_allowed"
    await house.http.put("/api/v1/users", json={"email": ANN})
    assert problem(await ann.get("/api/v1/jobs"), 403) == "not_allowed", "the address may be somebody else's now"
    await ann.get(await sent_back(ann))
    assert (await ann.get("/api/v1/jobs")).status_code == httpx.codes.OK


async def test_a_role_changes_under_a_session(house: House) -> None:
    ann = await signed_in(house)
    assert problem(await ann.get("/api/v1/users"), 403) == "not_allowed"
    await house.http.put("/api/v1/users", json={"email": ANN, "role": "admin"})
    assert (await ann.get("/api/v1/users")).status_code == httpx.codes.OK
    await house.http.put("/api/v1/users", json={"email": ANN, "role": "user"})
    assert problem(await ann.get("/api/v1/users"), 403) == "not_allowed"


async def test_a_cookie_beside_another_credential_is_ambiguous(house: House) -> None:
    ann = await signed_in(house)
    for headers in ({"x-api-key": KEY}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic YTpi"}):
        answer = await ann.get("/api/v1/jobs", headers=headers)
        assert problem(answer, 400) == "ambiguous_credentials"
        assert "signs out" in answer.json()["detail"]


async def test_two_sessions_are_ambiguous(house: House) -> None:
    text = session_of(await signed_in(house))
    answer = await browser(house, cookie=f"krai-session={text}; krai-session={text}").get("/api/v1/jobs")
    assert problem(answer, 400) == "ambiguous_credentials"


async def test_signing_out_ends_the_session_everywhere(house: House) -> None:
    ann = await signed_in(house)
    text = session_of(ann)
    assert problem(await ann.post("/logout"), 403) == "csrf"
    answer = await ann.post("/logout", headers=OURS)
    assert answer.status_code == httpx.codes.NO_CONTENT
    assert session_of(ann) is None
    stolen = browser(house, cookie=f"krai-session={text}")
    assert problem(await stolen.get("/api/v1/jobs"), 401) == "unauthenticated"
    assert (await stolen.post("/logout", headers=OURS)).status_code == httpx.codes.NO_CONTENT, "the cookie goes all the same"
    page = await browser(house).post("/logout", headers=PAGE)
    assert (page.status_code, page.headers["location"]) == (303, f"{HERE}/")
    assert (await browser(house).get("/logout")).status_code == httpx.codes.METHOD_NOT_ALLOWED


# -- Pages of others --------------------------------------------------------------------------------------------------------

CROSS = "https://evil.test"
CSRF: list[tuple[str, dict[str, str], int]] = [
    ("POST", {"sec-fetch-site": "same-origin", "origin": HERE}, 202),
    ("POST", {"sec-fetch-site": "same-origin"}, 202),
    ("POST", {"sec-fetch-site": "none"}, 202),
    ("POST", {"origin": HERE}, 202),
    ("POST", {}, 403),
    ("POST", {"origin": CROSS}, 403),
    ("POST", {"origin": "null"}, 403),
    ("POST", {"origin": ""}, 403),
    ("POST", {"origin": "https://localhost"}, 403),
    ("POST", {"origin": f"{HERE}:3000"}, 403),
    ("POST", {"origin": f"{HERE}.evil.test"}, 403),
    ("POST", {"origin": f"{HERE}/"}, 403),
    ("POST", {"sec-fetch-site": "same-site"}, 403),
    ("POST", {"sec-fetch-site": "cross-site"}, 403),
    ("POST", {"sec-fetch-site": "cross-site", "origin": HERE}, 403),
    ("POST", {"sec-fetch-site": "same-origin", "origin": CROSS}, 403),
    ("POST", {"sec-fetch-site": ""}, 403),
    ("POST", {"sec-fetch-site": "same-origin, cross-site"}, 403),
    ("POST", {"referer": f"{HERE}/docs"}, 403),
    ("GET", {}, 200),
    ("GET", {"sec-fetch-site": "cross-site"}, 200),  # a link from elsewhere
    ("GET", {"origin": HERE}, 200),
    ("GET", {"origin": CROSS}, 403),
    ("PUT", {"origin": CROSS}, 403),
    ("DELETE", {"origin": CROSS}, 403),
    ("DELETE", {}, 403),
]


async def test_only_pages_of_krai_act_by_the_cookie(house: House) -> None:
    ann = await signed_in(house)
    paths = {"POST": "/api/v1/exports", "GET": "/api/v1/jobs"}
    for method, headers, status in CSRF:
        answer = await ann.request(method, paths.get(method, "/token"), headers=headers, json=EXPORT if method in {"POST", "PUT"} else None)
        assert answer.status_code == status, (method, headers)
        assert status < 400 or problem(answer, 403) == "csrf"


async def test_pages_that_may_call_have_a_credential_of_their_own(tmp_path: Path, provider: Provider) -> None:
    async with at_the_door(tmp_path, provider, CORS_ORIGINS="https://a.example") as house:
        ann = await signed_in(house)
        answer = await ann.post("/api/v1/exports", json=EXPORT, headers={"origin": "https://a.example"})
        assert problem(answer, 403) == "csrf"
        assert "access-control-allow-credentials" not in answer.headers
        keyed = await house.http.post("/api/v1/exports", json=EXPORT, headers={"origin": "https://a.example"})
        assert keyed.status_code == httpx.codes.ACCEPTED


async def test_without_a_cookie_nobody_asks_which_page_it_was(house: House) -> None:
    answer = await house.http.post("/api/v1/exports", json=EXPORT, headers={"origin": CROSS, "sec-fetch-site": "cross-site"})
    assert answer.status_code == httpx.codes.ACCEPTED


async def test_events_are_for_pages_of_krai(house: House) -> None:
    ann = await signed_in(house)
    job_id = (await ann.post("/api/v1/exports", json=EXPORT, headers=OURS)).json()["job_id"]
    await house.fail(job_id)
    events = f"/api/v1/jobs/{job_id}/events"
    assert (await ann.get(events, headers={"origin": HERE})).status_code == httpx.codes.OK
    assert problem(await ann.get(events, headers={"origin": CROSS}), 403) == "csrf"
    assert problem(await browser(house).get(events), 401) == "unauthenticated"
    key = (await house.http.post("/token", json={"name": "events"})).json()
    script = house.client(key["key"])
    assert problem(await script.get(events), 404) == "not_found"
    await house.http.delete("/token", params={"key_id": key["key_id"]})
    assert problem(await script.get(events), 401) == "invalid_key"
