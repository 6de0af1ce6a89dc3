"""Who signs in from a browser and must not come in."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import time_machine

from krai.settings import Settings
from krai.wiring.issuers import issuers
from tests.unit.api.door import HERE, asked_at, at_the_door, browser, sent_back, session_of
from tests.unit.api.house import House, problem
from tests.unit.identity.provider import DISCOVERY, TOKEN, Provider, say, serving

PAGE = {"accept": "text/html"}


@pytest.fixture
async def house(tmp_path: Path, provider: Provider) -> AsyncIterator[House]:
    async with at_the_door(tmp_path, provider) as opened:
        yield opened


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
