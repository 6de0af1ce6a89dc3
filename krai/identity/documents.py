"""JSON documents of an identity provider: small, quick, as they are, and from nowhere else."""

import asyncio
import re
import ssl
from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from krai import strict_json
from krai.errors import Terminal

LARGEST_BYTES = 256 * 1024
TIMEOUT_S = 5
SPOKEN = frozenset({HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED})
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age=\"?(\d{1,9})\b", re.ASCII | re.IGNORECASE)


class Unreadable(Exception):
    """A document could not be had; the text says why in krai's words, never in the server's."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object; `max_age_s` is how long its server wants it kept (RFC 9111), None where it does not say."""

    value: dict[str, Any]
    max_age_s: int | None


def connect(tls: ssl.SSLContext | None) -> httpx.AsyncClient:
    """`tls` says which certificates are trusted; None: those of public authorities."""
    # trust_env: a proxy or a .netrc of the machine would see or change the keys.
    return httpx.AsyncClient(
        verify=True if tls is None else tls,
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
    )


async def read(client: httpx.AsyncClient, url: str) -> Document:
    """Takes five seconds at most. Raises Unreadable."""
    answer, document = await _load(client, client.build_request("GET", url), {HTTPStatus.OK})
    told = _MAX_AGE.search(answer.headers.get("cache-control", ""))
    return Document(document, None if told is None else int(told[1]))


async def send(
    client: httpx.AsyncClient, url: str, form: dict[str, str], auth: httpx.BasicAuth | None
) -> tuple[HTTPStatus, dict[str, Any]]:
    """What a token endpoint says to a form: 200, or 400 or 401 with an error (RFC 6749, 5). Raises Unreadable."""
    answer, document = await _load(client, client.build_request("POST", url, data=form), SPOKEN, auth)
    return HTTPStatus(answer.status_code), document


async def _load(
    client: httpx.AsyncClient, request: httpx.Request, wanted: Collection[int], auth: httpx.BasicAuth | None = None
) -> tuple[httpx.Response, dict[str, Any]]:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await client.send(request, auth=auth, stream=True)
            try:
                _check(answer, wanted)
                body = await _body(answer)
            finally:
                await answer.aclose()
    except TimeoutError:
        raise Unreadable("it did not arrive in time") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unreadable(f"{type(error).__name__} on the way") from None
    try:
        value = strict_json.parse(body)
    except Terminal:
        raise Unreadable("it is not strict JSON") from None
    if not isinstance(value, dict):
        raise Unreadable("it is not a JSON object")
    return answer, value


def _check(answer: httpx.Response, wanted: Collection[int]) -> None:
    if answer.status_code not in wanted:
        raise Unreadable(f"the status is {answer.status_code}")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreadable("it has a Content-Encoding")


async def _body(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > LARGEST_BYTES:
            raise Unreadable(f"it has more than {LARGEST_BYTES} bytes")
    return bytes(body)
