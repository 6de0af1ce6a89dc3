"""People with ID tokens: who is on the allowlist is let in, and nothing of a token is repeated."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from krai import users
from tests.unit.api.house import KEY, House, open_house, problem
from tests.unit.identity.provider import DISCOVERY, Provider, serving

ANN = "ann@acme.example"


@asynccontextmanager
async def at_the_door(folder: Path) -> AsyncIterator[tuple[House, Provider]]:
    with serving() as provider:
        tokens = provider.tokens()
        async with open_house(folder, tokens=tokens) as house:
            yield house, provider
        await tokens.close()


def bearer(house: House, token: bytes) -> httpx.AsyncClient:
    return house.client(None, authorization=f"Bearer {token.decode()}")


async def allow(house: House, email: str = ANN, role: str = "user") -> None:
    assert (await house.http.put("/api/v1/users", json={"email": email, "role": role})).status_code == httpx.codes.OK


async def test_who_is_on_the_list_has_jobs_and_keys_of_his_own(tmp_path: Path) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        await allow(house, ANN.upper())
        ann = bearer(house, provider.token())
        job = (await ann.post("/api/v1/exports", json={"dataset": "users"})).json()
        assert job["created_by"] == f"{provider.url}|7"
        key = (await ann.post("/token", json={"name": "nightly"})).json()
        assert (key["owner"], key["email"]) == (f"{provider.url}|7", ANN)
        script = house.client(key["key"])
        assert problem(await script.get(f"/api/v1/jobs/{job['job_id']}"), 404) == "not_found", "a key is a caller of its own"
        assert problem(await ann.get("/api/v1/users"), 403) == "not_allowed"
        (shown,) = (await house.http.get("/api/v1/users")).json()["users"]
        assert shown["signed_in"]


async def test_who_is_not_or_no_more_on_the_list_is_told_nothing_but_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        ann = bearer(house, provider.token())
        answer = await ann.get("/api/v1/jobs")
        assert problem(answer, 403) == "not_allowed"
        assert ANN not in answer.text
        await allow(house)
        script = house.client((await ann.post("/token", json={"name": "nightly"})).json()["key"])
        assert (await script.get("/api/v1/jobs")).status_code == httpx.codes.OK
        await house.http.delete("/api/v1/users", params={"email": ANN})
        monkeypatch.setattr(users, "TRUSTED_S", 0.0)
        for client in (ann, script):
            assert problem(await client.get("/api/v1/jobs"), 403) == "not_allowed"


async def test_an_admin_by_the_list_is_one(tmp_path: Path) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        await allow(house, role="admin")
        assert (await bearer(house, provider.token()).get("/api/v1/users")).status_code == httpx.codes.OK


async def test_another_subject_with_the_same_address_stays_out(tmp_path: Path) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        await allow(house)
        assert (await bearer(house, provider.token()).get("/api/v1/jobs")).status_code == httpx.codes.OK
        assert problem(await bearer(house, provider.token(sub="8")).get("/api/v1/jobs"), 403) == "not_allowed"


async def test_a_token_that_proves_nothing_is_refused_and_not_repeated(tmp_path: Path) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        await allow(house)
        for token in (provider.token(aud="another"), provider.token(exp=1), b"x.y.z", b"\xe9", b"a" * 9000):
            answer = await house.client(None).get("/api/v1/jobs", headers=[(b"authorization", b"Bearer " + token)])
            assert problem(answer, 401) == "invalid_token"
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]
            assert token.decode("latin-1") not in answer.text


async def test_without_the_providers_keys_nobody_can_tell(tmp_path: Path) -> None:
    async with at_the_door(tmp_path) as (house, provider):
        provider.fails(DISCOVERY)
        answer = await bearer(house, provider.token()).get("/api/v1/jobs")
        assert problem(answer, 503) == "auth_unavailable"
        assert int(answer.headers["retry-after"]) > 0
        assert (await house.client(KEY).get("/api/v1/jobs")).status_code == httpx.codes.OK


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "bearer\tx"])
async def test_what_is_no_bearer_token_is_no_credential(house: House, header: str) -> None:
    assert problem(await house.client(None, authorization=header).get("/api/v1/jobs"), 401) == "unauthenticated"


async def test_where_no_issuer_is_known_no_token_is_any_good(house: House) -> None:
    with serving() as provider:
        assert problem(await bearer(house, provider.token()).get("/api/v1/jobs"), 401) == "invalid_token"
