"""People who sign in from a browser, at a krai with a provider: what the tests of it stand on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from krai.identity.issuers import Issuer
from tests.unit.api.house import House, client_of, open_house
from tests.unit.identity.provider import Provider

ANN = "ann@acme.example"
HERE = "http://localhost"
OURS = {"sec-fetch-site": "same-origin"}
EXPORT = {"dataset": "users"}


@asynccontextmanager
async def at_the_door(folder: Path, provider: Provider, *more: Issuer, **settings: Any) -> AsyncIterator[House]:
    tokens = provider.tokens(*more)
    async with open_house(folder, tokens=tokens, **settings) as house:
        assert (await house.http.put("/api/v1/users", json={"email": ANN})).status_code == httpx.codes.OK
        yield house
    await tokens.close()


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
