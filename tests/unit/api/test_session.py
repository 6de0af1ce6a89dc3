"""People sign in from a browser: who comes back from the provider, by which door, and how long they stay."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine

from krai import sessions, users
from krai.identity.issuers import Issuer
from krai.settings import Settings
from krai.sweep import sweep_sessions
from krai.wiring.issuers import issuers
from tests.unit.api.house import KEY, House, client_of, open_house, problem
from tests.unit.identity.provider import AUTHORIZE, DISCOVERY, TOKEN, Provider, challenge, say, serving

ANN = "ann@acme.example"
HERE = "http://localhost"
PAGE = {"accept": "text/html"}
OURS = {"sec-fetch-site": "same-origin"}
EXPORT = {"dataset": "users"}


@asynccontextmanager
async def at_the_door(folder: Path, provider: Provider, *more: Issuer, **settings: Any) -> AsyncIterator[House]:
    tokens = provider.tokens(*more)
    async with open_house(folder, tokens=tokens, **settings) as house:
        assert (await house.http.put("/api/v1/users", json={"email": ANN})).status_code == httpx.codes.OK
        yield house
    await tokens.close()


@pytest.fixture
def provider() -> Any:
    with serving() as here:
        yield here


@pytest.fixture
async def house(tmp_path: Path, provider: Provider) -> AsyncIterator[House]:
    async with at_the_door(tmp_path, provider) as opened:
        yield opened


def browser(house: House, base_url: str = HERE, **headers: str) -> httpx.AsyncClient:
    """One with a jar for cookies, and nothing else."""
    client = client_of(house.app, None, **headers)
    client.base_url = httpx.URL(base_url)
    return client


async def asked_at(client: httpx.AsyncClient, **query: str) -> httpx.URL:
    """Begin to sign in; where the provider is asked."""
    answer = await client.get("/login", params=query)
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    return httpx.URL(answer.headers["location"])


async def sent_back(client: httpx.AsyncClient, **query: str) -> httpx.URL:
    """Begin to sign in, and do so at the provider; where the provider sends the browser."""
    place = await asked_at(client, **query)
    async with httpx.AsyncClient() as there:
        return httpx.URL((await there.get(place)).headers["location"])


async def signed_in(house: House, **headers: str) -> httpx.AsyncClient:
    client = browser(house, **headers)
    answer = await client.get(await sent_back(client))
    assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
    return client


def session_of(client: httpx.AsyncClient) -> str | None:
    return client.cookies.get("krai-session")


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


# -- Who must not come in ---------------------------------------------------------------------------------------------------


async def refused(client: httpx.AsyncClient, back: httpx.URL, *, status: int = 400, code: str = "login_failed") -> str:
    answer = await client.get(back)
    assert problem(answer, status) == code
    assert session_of(client) is None
    assert "krai-login" not in client.cookies
    return str(answer.json()["detail"])


async def test_a_browser_that_has_not_begun_is_sent_away(house: House, provider: Provider) -> None:
    ann, eve = browser(house), browser(house)
    back = await sent_back(eve)
    assert "has not begun" in await refused(ann, back)
    assert provider.asked[TOKEN] == 0


async def test_an_answer_to_another_sign_in_is_refused(house: House, provider: Provider) -> None:
    ann, eve = browser(house), browser(house)
    of_eve = await sent_back(eve)
    for state in (of_eve.params["state"], "", "é", "x" * 5000):
        back = await sent_back(ann)
        assert "another sign-in" in await refused(ann, back.copy_set_param("state", state))
    back = await sent_back(ann)
    assert "another sign-in" in await refused(ann, back.copy_remove_param("state"))
    back = await sent_back(ann)
    assert "twice" in await refused(ann, back.copy_add_param("state", back.params["state"]))
    assert provider.asked[TOKEN] == 0


async def test_what_was_not_sealed_here_is_no_sign_in(house: House) -> None:
    ann = browser(house)
    back = await sent_back(ann)
    good = ann.cookies["krai-login"]
    for forged in (good[:-4] + "AAA=", good[:40] + ("B" if good[40] == "A" else "A") + good[41:], "x", "%00", "gAAAAA" + "A" * 300):
        ann.cookies.clear()
        assert "has not begun" in await refused(browser(house, cookie=f"krai-login={forged}"), back)
    twice = browser(house, cookie=f"krai-login={good}; krai-login={good}")
    assert "has not begun" in await refused(twice, back)


async def test_what_was_sealed_says_nothing_to_who_has_it(house: House) -> None:
    ann = browser(house)
    place = await asked_at(ann)
    assert place.params["nonce"] not in ann.cookies["krai-login"]
    assert place.params["state"] not in ann.cookies["krai-login"]


async def test_a_sign_in_ends_after_ten_minutes(house: House) -> None:
    ann = browser(house)
    back, sealed = await sent_back(ann), ann.cookies["krai-login"]
    late = browser(house, cookie=f"krai-login={sealed}")
    with time_machine.travel(timedelta(seconds=602)):
        assert "ten minutes" in await refused(late, back)


async def test_a_callback_works_once(house: House) -> None:
    ann = browser(house)
    back, sealed = await sent_back(ann), ann.cookies["krai-login"]
    await ann.get(back)
    before = session_of(ann)
    again = await ann.get(back)
    assert problem(again, 400) == "login_failed"
    assert session_of(ann) == before
    assert "does not take its code" in await refused(browser(house, cookie=f"krai-login={sealed}"), back)


NOT_THE_ANSWER: list[tuple[str, Any]] = [
    *(("nonce", "another"), ("nonce", ...), ("nonce", 7), ("nonce", "é"), ("azp", "another"), ("azp", None), ("aud", "another")),
    *(("exp", 1), ("iss", "https://another.example"), ("email_verified", False)),
]


async def test_a_token_that_is_not_the_answer_lets_nobody_in(house: House, provider: Provider) -> None:
    ann = browser(house)
    for claim, value in NOT_THE_ANSWER:
        provider.said = {claim: value}
        detail = await refused(ann, await sent_back(ann))
        assert f"Its {claim}" in detail
        assert "another" not in detail


async def test_a_code_is_taken_back_from_who_has_begun_alone(house: House) -> None:
    ann, eve = browser(house), browser(house)
    of_eve = await sent_back(eve)
    back = await sent_back(ann)
    assert "does not take its code" in await refused(ann, back.copy_set_param("code", of_eve.params["code"])), "PKCE"
    for code in ("", "x" * 5000):
        back = await sent_back(ann)
        assert "no code" in await refused(ann, back.copy_set_param("code", code))


async def test_whoever_the_provider_refuses_is_told_so_and_nothing_is_repeated(house: House, provider: Provider) -> None:
    ann = browser(house)
    back = await sent_back(ann)
    said = back.copy_remove_param("code").copy_merge_params({"error": "access_denied_<b>", "error_description": "shown"})
    detail = await refused(ann, said)
    assert "shown" not in detail
    assert "access_denied_" not in detail
    assert provider.asked[TOKEN] == 0


async def test_an_answer_of_another_provider_is_refused(house: House, provider: Provider) -> None:
    ann = browser(house)
    back = await sent_back(ann)
    assert "another identity provider" in await refused(ann, back.copy_set_param("iss", "https://issuer.example"))
    back = await sent_back(ann)
    assert (await ann.get(back.copy_set_param("iss", provider.url))).status_code == 303


async def test_a_token_of_another_provider_is_no_answer_of_this_one(tmp_path: Path, provider: Provider) -> None:
    with serving() as other:
        async with at_the_door(tmp_path, provider, other.issuer) as house:
            ann = browser(house)
            asked = await asked_at(ann, issuer=provider.url)
            token = other.token(nonce=asked.params["nonce"]).decode()
            provider.answers[TOKEN] = partial(say, body=json.dumps({"id_token": token}).encode())
            async with httpx.AsyncClient() as there:
                back = httpx.URL((await there.get(asked)).headers["location"])
            assert "of another identity provider" in await refused(ann, back)


def test_no_secret_of_a_client_is_ever_printed() -> None:
    others = [{"issuer": "https://a.example", "audience": "a", "tenant": "a", "client_secret": "shown-to-nobody"}]
    settings = Settings.model_validate({"GOOGLE_CLIENT_ID": "g", "GOOGLE_CLIENT_SECRET": "shown-to-nobody", "KRAI_OIDC_ISSUERS": others})
    found = issuers(settings)
    assert [(issuer.tenant, issuer.client_secret) for issuer in found] == [("google", "shown-to-nobody"), ("a", "shown-to-nobody")]
    assert "shown" not in f"{settings!r}{settings}{found!r}{settings.model_dump_json()}"


async def test_a_provider_that_names_itself_must_do_so(house: House, provider: Provider) -> None:
    named = provider.discovery(authorization_response_iss_parameter_supported=True)
    provider.answers[DISCOVERY] = partial(say, body=named)
    ann = browser(house)
    assert "another identity provider" in await refused(ann, await sent_back(ann))


async def test_a_token_endpoint_that_makes_no_sense_is_an_outage(house: House, provider: Provider) -> None:
    ann = browser(house)
    for answer in ({"status": 500}, {"status": 302, "Location": HERE}, {"body": b"<html>"}, {"body": b" " * (256 * 1024 + 1)}):
        provider.answers[TOKEN] = partial(say, **answer)
        await refused(ann, await sent_back(ann), status=503, code="auth_unavailable")


async def test_without_an_id_token_nobody_is_signed_in(house: House, provider: Provider) -> None:
    ann = browser(house)
    for body in (b"{}", b'{"id_token":7}', b'{"id_token":"\\u00e9"}', b'{"access_token":"a"}'):
        provider.answers[TOKEN] = partial(say, body=body)
        await refused(ann, await sent_back(ann))


async def test_who_is_not_on_the_list_reads_why(house: House, provider: Provider) -> None:
    provider.said = {"email": "eve@acme.example", "sub": "8"}
    eve = browser(house)
    await refused(eve, await sent_back(eve), status=403, code="not_allowed")
    page = await eve.get(await sent_back(eve), headers=PAGE)
    assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "Ask an admin" in page.text
    assert "eve@" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src")
    assert session_of(eve) is None


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
