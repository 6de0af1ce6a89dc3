"""People sign in from a browser: who comes back from the provider, and by which door."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from krai.identity.issuers import Issuer
from tests.unit.api.door import ANN, EXPORT, HERE, OURS, asked_at, at_the_door, browser, sent_back, signed_in
from tests.unit.api.house import House, open_house, problem
from tests.unit.identity.provider import AUTHORIZE, DISCOVERY, Provider, challenge, say

PAGE = {"accept": "text/html"}


@pytest.fixture
async def house(tmp_path: Path, provider: Provider) -> AsyncIterator[House]:
    async with at_the_door(tmp_path, provider) as opened:
        yield opened


# -- There and back ---------------------------------------------------------------------------------------------------------


async def test_who_signs_in_comes_back_with_a_session(house: House, provider: Provider) -> None:
    ann = browser(house)
    place = await asked_at(ann)
    assert str(place).startswith(f"{provider.url}{AUTHORIZE}?")
    assert place.params["response_type"] == "code"
    assert place.params["redirect_uri"] == f"{HERE}/callback"
    assert place.params["scope"] == "openid email"
    assert place.params["code_challenge_method"] == "S256"
    back = await sent_back(ann)
    answer = await ann.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}/docs")
    assert answer.headers["cache-control"] == "no-store"
    assert len(provider.form["code_verifier"]) >= 43, "RFC 7636, 4.1"
    assert challenge(provider.form) != provider.form["code_verifier"]
    job = (await ann.post("/api/v1/exports", json=EXPORT, headers=OURS)).json()
    assert job["created_by"] == f"{provider.url}|7"
    assert [one["job_id"] for one in (await ann.get("/api/v1/jobs")).json()["jobs"]] == [job["job_id"]]
    assert (await house.http.get("/")).json()["links"]["login"].endswith("/login")


async def test_a_session_is_granted_what_its_person_is(house: House, provider: Provider) -> None:
    provider.said = {"email": "Ann@Acme.example"}
    ann = await signed_in(house)
    for grantee, status in ((f"user:{ANN}", 200), ("tenant:acme", 200), ("user:eve@acme.example", 404)):
        granted = {"resource": "dataset/users", "read": [grantee], "write": []}
        assert (await house.http.put("/api/v1/grants", json=granted)).status_code == httpx.codes.OK
        assert (await ann.get("/api/v1/datasets/users")).status_code == status, grantee


async def test_no_sign_in_is_like_another(house: House) -> None:
    places = [await asked_at(browser(house)) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        first, second = (place.params[name] for place in places)
        assert first != second
        assert len(first) == 43


async def test_cookies_are_for_the_server_alone(house: House) -> None:
    ann = browser(house)
    begun = await ann.get("/login")
    back = await sent_back(ann)
    ended = await ann.get(back)
    given = begun.headers.get_list("set-cookie") + ended.headers.get_list("set-cookie")
    assert [text.partition("=")[0] for text in given] == ["krai-login", "krai-session", "krai-login"]
    for text in given:
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(text.split("; "))
        assert "Secure" not in text, "plain http on this machine"
        assert "Domain" not in text
    assert "Max-Age=600" in given[0]
    assert "Max-Age=43200" in given[1]
    assert "Max-Age=0" in given[2]
    assert set(ann.cookies) == {"krai-session"}


async def test_over_https_no_other_host_can_have_set_a_cookie(tmp_path: Path, provider: Provider) -> None:
    async with at_the_door(tmp_path, provider, KRAI_PUBLIC_URL="https://krai.example.org/") as house:
        ann = browser(house, "https://krai.example.org")
        back = await sent_back(ann)
        assert str(back).startswith("https://krai.example.org/callback?")
        (login,) = ann.cookies.jar
        assert (login.name, login.secure, login.domain_specified) == ("__Host-krai-login", True, False)
        answer = await ann.get(back)
        assert answer.headers["location"] == "https://krai.example.org/docs"
        session = ann.cookies["__Host-krai-session"]
        assert "Secure" in answer.headers.get_list("set-cookie")[0]
        assert (await ann.get("/api/v1/jobs")).status_code == httpx.codes.OK
        plain = await browser(house, cookie=f"krai-session={session}").get("/api/v1/jobs")
        assert problem(plain, 401) == "unauthenticated"


async def test_on_plain_http_only_this_machine_signs_in(house: House) -> None:
    assert problem(await browser(house, "http://krai.test").get("/login"), 400) == "login_failed"


async def test_where_no_provider_is_known_there_is_no_door(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for path in ("/login", "/callback"):
            assert problem(await browser(house).get(path), 404) == "not_found"
        assert "login" not in (await house.http.get("/")).json()["links"]


async def test_a_client_with_a_secret_shows_it(tmp_path: Path, provider: Provider) -> None:
    provider.secret = "a+b c:d%ü"  # noqa: S105 - awkward, and nobody's
    assert provider.secret not in repr(provider.issuer)
    async with at_the_door(tmp_path, provider) as house:
        await signed_in(house)
        assert provider.headers["authorization"].startswith("Basic ")
        assert "client_id" not in provider.form
    provider.answers[DISCOVERY] = partial(say, body=provider.discovery(token_endpoint_auth_methods_supported=["client_secret_post"]))
    (tmp_path / "more").mkdir()
    async with at_the_door(tmp_path / "more", provider) as house:
        await signed_in(house)
        assert "authorization" not in provider.headers
        assert provider.form["client_secret"] == provider.secret


@pytest.mark.parametrize(
    "places",
    [
        {"authorization_endpoint": ...},
        {"token_endpoint": ...},
        {"token_endpoint": "http://issuer.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://a:b@issuer.example/"},
        {"authorization_endpoint": "https://issuer.example/#a"},
        {"authorization_endpoint": ["https://issuer.example/"]},
    ],
)
async def test_a_provider_without_a_place_to_sign_in_has_tokens_still(house: House, provider: Provider, places: dict[str, Any]) -> None:
    provider.answers[DISCOVERY] = partial(say, body=provider.discovery(**places))
    assert problem(await browser(house).get("/login"), 400) == "login_failed"
    bearer = house.client(None, authorization=f"Bearer {provider.token().decode()}")
    assert (await bearer.get("/api/v1/jobs")).status_code == httpx.codes.OK


async def test_a_provider_that_does_not_answer_is_an_outage(house: House, provider: Provider) -> None:
    provider.fails(DISCOVERY)
    answer = await browser(house).get("/login")
    assert problem(answer, 503) == "auth_unavailable"
    assert int(answer.headers["retry-after"]) > 0


# -- Which provider, and where to afterwards --------------------------------------------------------------------------------


async def test_with_several_providers_a_page_asks_which(tmp_path: Path, provider: Provider) -> None:
    other = Issuer(issuer="https://sign-in.other.example", audience="a", tenant="other")
    again = Issuer(issuer=provider.url, audience="second", tenant="again")
    async with at_the_door(tmp_path, provider, other, again) as house:
        ann = browser(house)
        page = await ann.get("/login", params={"next": "/docs?a=1&b=<i>"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.text.count("<a href=") == 2
        assert "acme (localhost)" in page.text
        assert "other (sign-in.other.example)" in page.text
        assert "<i>" not in page.text
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert policy == "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        assert str(await asked_at(ann, issuer=provider.url)).startswith(provider.url)
        assert (await asked_at(ann, issuer=provider.url)).params["client_id"] == provider.issuer.audience
        for wrong in ("https://issuer.example", provider.url + "/", "acme"):
            answer = await ann.get("/login", params={"issuer": wrong})
            assert problem(answer, 400) == "invalid_argument"
            assert wrong not in answer.text or wrong == "acme"


LOCAL = ("/", "/docs", "/api/v1/jobs?status=FAILED&a=%2F%2Fevil.test", "/a//b", "/@evil.test", "/:80")
ELSEWHERE = (
    *("//evil.test", "/\\evil.test", "\\\\evil.test", "https://evil.test", "evil.test", "javascript:alert(1)", "/\t/evil.test"),
    *("/\n/evil.test", "/a\r\nSet-Cookie: a=b", "/a\\b", "/é", "/a b", " /a", "/" + "a" * 1024, ".evil.test", "@evil.test", "/\x00"),
)


async def test_it_leads_on_to_a_path_of_krai(house: House) -> None:
    ann = browser(house)
    for then in LOCAL:
        answer = await ann.get(await sent_back(ann, next=then))
        assert answer.headers["location"] == f"{HERE}{then}"


async def test_and_to_nowhere_else(house: House) -> None:
    ann = browser(house)
    for then in ELSEWHERE:
        answer = await ann.get("/login", params={"next": then})
        assert problem(answer, 400) == "invalid_argument", then
        assert "evil" not in answer.text
    assert problem(await ann.get("/login?next=/a&next=//evil.test"), 400) == "invalid_argument"


async def test_without_docs_it_leads_to_the_card(tmp_path: Path, provider: Provider) -> None:
    async with at_the_door(tmp_path, provider, KRAI_DOCS="off") as house:
        ann = browser(house)
        assert (await ann.get(await sent_back(ann))).headers["location"] == f"{HERE}/"
