"""How often a provider is asked for its keys, what is believed of its answers, and how long they last. Times are moved by hand."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from joserfc.jwk import ECKey
from joserfc.util import base64_to_int, int_to_base64

from krai.errors import Terminal, Transient
from krai.identity import public_keys
from krai.identity.tokens import Tokens
from tests.unit.identity.provider import DISCOVERY, EC, KEYS, OTHER, RSA, Answer, Provider, say, slowly

HOUR_S = 3600
DAY_S = 24 * HOUR_S
PUBLIC = RSA.as_dict(private=False)


async def outage(tokens: Tokens, token: bytes) -> int:
    with pytest.raises(Transient) as failed:
        await tokens.identify(token)
    assert failed.value.code == "auth_unavailable"
    assert failed.value.retry_after_s is not None
    return failed.value.retry_after_s


async def is_refused(tokens: Tokens, token: bytes) -> None:
    with pytest.raises(Terminal) as refused:
        await tokens.identify(token)
    assert refused.value.code == "invalid_token"


async def test_keys_are_asked_for_once_an_hour(provider: Provider, tokens: Tokens) -> None:
    for wait_s, fetches in ((0, 1), (HOUR_S - 1, 1), (1, 2), (1, 2)):
        provider.clock.wait(wait_s)
        await tokens.identify(provider.token())
        assert provider.asked[KEYS] == fetches
    assert provider.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("told", "fresh_s"),
    [
        ("max-age=600", 600),
        ("public, MAX-AGE=7200, must-revalidate", 7200),
        ("max-age=0", 300),
        ("max-age=999999999", DAY_S),
        ("s-maxage=600", HOUR_S),
        ("max-age=-1", HOUR_S),
        ("max-age=soon", HOUR_S),
        ("", HOUR_S),
    ],
)
async def test_the_provider_says_how_long_they_last(provider: Provider, tokens: Tokens, told: str, fresh_s: int) -> None:
    provider.answers[KEYS] = lambda handler: say(handler, body=provider.key_set(), Cache_Control=told)
    await tokens.identify(provider.token())
    provider.clock.wait(fresh_s - 1)
    await tokens.identify(provider.token())
    assert provider.asked[KEYS] == 1
    provider.clock.wait(1)
    await tokens.identify(provider.token())
    assert provider.asked[KEYS] == 2


async def test_all_who_wait_are_served_by_one_fetch(provider: Provider, tokens: Tokens) -> None:
    provider.answers[DISCOVERY] = partial(slowly, pause_s=0.1, then=lambda handler: say(handler, body=provider.discovery()))
    found = await asyncio.gather(*(tokens.identify(provider.token()) for _ in range(50)))
    assert found == [provider.ann] * 50
    assert provider.asked == {DISCOVERY: 1, KEYS: 1}


async def test_who_gives_up_does_not_take_the_fetch_along(provider: Provider, tokens: Tokens) -> None:
    provider.answers[DISCOVERY] = partial(slowly, pause_s=0.2, then=lambda handler: say(handler, body=provider.discovery()))
    first = asyncio.create_task(tokens.identify(provider.token()))
    second = asyncio.create_task(tokens.identify(provider.token()))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == provider.ann
    assert first.cancelled()
    assert provider.asked == {DISCOVERY: 1, KEYS: 1}


async def test_a_new_key_is_found_at_once(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token())
    provider.keys = [OTHER.as_dict(private=False)]
    crowd = await asyncio.gather(*(tokens.identify(provider.token(OTHER)) for _ in range(50)))
    assert crowd == [provider.ann] * 50
    assert provider.asked[KEYS] == 2
    provider.clock.wait(59)
    await is_refused(tokens, provider.token())
    assert provider.asked[KEYS] == 2


async def test_a_key_that_is_no_longer_published_ends_with_the_hour(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token(EC))
    provider.keys = [PUBLIC]
    provider.clock.wait(HOUR_S)
    await is_refused(tokens, provider.token(EC))


async def test_a_thousand_unknown_keys_are_looked_for_once(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token())
    unknown = [provider.token(header={"kid": f"k{number}"}) for number in range(10)]
    for token in unknown * 100:
        await is_refused(tokens, token)
    assert provider.asked == {DISCOVERY: 2, KEYS: 2}
    provider.clock.wait(60)
    for token in unknown:
        await is_refused(tokens, token)
    assert provider.asked[KEYS] == 3


async def test_the_first_fetch_counts_as_the_look_for_an_unknown_key(provider: Provider, tokens: Tokens) -> None:
    for number in range(100):
        await is_refused(tokens, provider.token(header={"kid": f"k{number}"}))
    assert provider.asked[KEYS] == 1


async def test_an_outage_is_bridged_for_a_day(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token())
    provider.fails()
    for wait_s, fetches in ((HOUR_S, 2), (59, 2), (1, 3), (DAY_S - HOUR_S - 61, 4)):
        provider.clock.wait(wait_s)
        assert await tokens.identify(provider.token()) == provider.ann
        assert provider.asked[DISCOVERY] == fetches
    provider.clock.wait(1)
    assert await outage(tokens, provider.token()) > 0
    provider.answers.clear()
    provider.clock.wait(60)
    assert await tokens.identify(provider.token()) == provider.ann


async def test_a_look_for_an_unknown_key_that_fails_leaves_the_others_fresh(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token())
    provider.fails()
    await is_refused(tokens, provider.token(header={"kid": "unknown"}))
    provider.clock.wait(HOUR_S - 1)
    await tokens.identify(provider.token())
    assert provider.asked[DISCOVERY] == 2


async def test_without_keys_callers_are_told_when_to_come_back(provider: Provider, tokens: Tokens) -> None:
    provider.fails(KEYS)
    for _ in range(20):
        assert await outage(tokens, provider.token()) == 5
    assert provider.asked[KEYS] == 1
    provider.answers.clear()
    provider.clock.wait(5)
    assert await tokens.identify(provider.token()) == provider.ann


async def test_a_provider_that_is_not_there_is_an_outage(provider: Provider) -> None:
    provider.url = "http://127.0.0.1:1"
    tokens = provider.tokens()
    await outage(tokens, provider.token())
    await tokens.close()


def drop_by_drop(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(70):
        time.sleep(0.1)
        with suppress(OSError):
            handler.wfile.write(b" ")


@pytest.mark.parametrize("answer", [drop_by_drop, partial(slowly, pause_s=30, then=say)], ids=["drop by drop", "hanging"])
async def test_a_slow_provider_is_an_outage_after_five_seconds(provider: Provider, tokens: Tokens, answer: Answer) -> None:
    provider.answers[DISCOVERY] = answer
    started_s = time.monotonic()
    await outage(tokens, provider.token())
    assert time.monotonic() - started_s > 4.5


async def test_closing_ends_a_fetch_under_way(provider: Provider) -> None:
    tokens = provider.tokens()
    provider.answers[DISCOVERY] = partial(slowly, pause_s=1, then=say)
    waiting = asyncio.create_task(tokens.identify(provider.token()))
    await asyncio.sleep(0.05)
    await tokens.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def padded(provider: Provider, size: int) -> bytes:
    return provider.discovery(padding="x" * (size - len(provider.discovery(padding=""))))


LIES: dict[str, tuple[str, Callable[[Provider], Answer]]] = {
    "another issuer": (DISCOVERY, lambda p: partial(say, body=p.discovery(issuer="https://issuer.example"))),
    "the issuer with a slash": (DISCOVERY, lambda p: partial(say, body=p.discovery(issuer=p.url + "/"))),
    "no issuer": (DISCOVERY, lambda p: partial(say, body=json.dumps({"jwks_uri": p.url + KEYS}).encode())),
    "no jwks_uri": (DISCOVERY, lambda p: partial(say, body=json.dumps({"issuer": p.url}).encode())),
    "jwks_uri a list": (DISCOVERY, lambda p: partial(say, body=p.discovery(jwks_uri=[p.url + KEYS]))),
    "jwks_uri on plain http": (DISCOVERY, lambda p: partial(say, body=p.discovery(jwks_uri="http://issuer.example/keys"))),
    "jwks_uri a file": (DISCOVERY, lambda p: partial(say, body=p.discovery(jwks_uri="file:///etc/passwd"))),
    "jwks_uri with a user": (DISCOVERY, lambda p: partial(say, body=p.discovery(jwks_uri=p.url.replace("//", "//a:b@") + KEYS))),
    "jwks_uri no URL": (DISCOVERY, lambda p: partial(say, body=p.discovery(jwks_uri="http://[::1/keys"))),
    "a redirect": (DISCOVERY, lambda p: partial(say, status=302, Location=p.url + KEYS)),
    "no JSON": (DISCOVERY, lambda _: partial(say, body=b"<html>")),
    "a list": (DISCOVERY, lambda _: partial(say, body=b"[]")),
    "a name twice": (DISCOVERY, lambda p: partial(say, body=b'{"issuer":"a",' + p.discovery()[1:])),
    "compressed": (DISCOVERY, lambda p: partial(say, body=p.discovery(), Content_Encoding="gzip")),
    "oversize": (DISCOVERY, lambda p: partial(say, body=padded(p, 256 * 1024 + 1))),
    "201": (DISCOVERY, lambda p: partial(say, status=201, body=p.discovery())),
    "keys redirect": (KEYS, lambda p: partial(say, status=307, Location=p.url + "/more")),
    "keys are not found": (KEYS, lambda _: partial(say, status=404)),
    "keys are no JSON": (KEYS, lambda _: partial(say, body=b"[[")),
    "keys are a list": (KEYS, lambda _: partial(say, body=json.dumps([PUBLIC]).encode())),
    "no keys": (KEYS, lambda _: partial(say, body=b'{"keys":[]}')),
    "keys are an object": (KEYS, lambda _: partial(say, body=json.dumps({"keys": PUBLIC}).encode())),
    "keys are text": (KEYS, lambda _: partial(say, body=b'{"keys":["a",null,1]}')),
    "keys oversize": (KEYS, lambda _: partial(say, body=json.dumps({"keys": [PUBLIC], "x": "x" * 256 * 1024}).encode())),
}


@pytest.mark.parametrize(("path", "lie"), LIES.values(), ids=LIES.keys())
async def test_an_answer_that_is_not_as_it_must_be_is_an_outage(
    provider: Provider, tokens: Tokens, path: str, lie: Callable[[Provider], Answer]
) -> None:
    provider.answers[path] = lie(provider)
    await outage(tokens, provider.token())
    assert provider.asked[path] == 1
    assert provider.asked.total() == (1 if path == DISCOVERY else 2)


async def test_an_answer_of_just_the_size_is_read(provider: Provider, tokens: Tokens) -> None:
    provider.answers[DISCOVERY] = partial(say, body=padded(provider, 256 * 1024))
    assert await tokens.identify(provider.token()) == provider.ann


async def test_a_lie_leaves_the_keys_as_they_were(provider: Provider, tokens: Tokens) -> None:
    await tokens.identify(provider.token())
    provider.answers[DISCOVERY] = partial(say, body=provider.discovery(issuer="https://issuer.example"))
    provider.clock.wait(HOUR_S)
    assert await tokens.identify(provider.token()) == provider.ann


async def test_the_proxy_of_the_machine_is_not_asked(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        monkeypatch.delenv("no_proxy", raising=False)
    tokens = provider.tokens()
    assert await tokens.identify(provider.token()) == provider.ann
    await tokens.close()


async def test_https_does_not_lead_to_plain_http(provider: Provider, provider_with_tls: Provider) -> None:
    tokens = provider_with_tls.tokens()
    provider_with_tls.answers[DISCOVERY] = partial(say, body=provider_with_tls.discovery(jwks_uri=provider.url + KEYS))
    await outage(tokens, provider_with_tls.token())
    assert provider.asked.total() == 0
    provider_with_tls.answers.clear()
    provider_with_tls.clock.wait(5)
    assert await tokens.identify(provider_with_tls.token()) == provider_with_tls.ann
    await tokens.close()


async def test_a_provider_that_nobody_vouches_for_is_not_believed(provider_with_tls: Provider) -> None:
    provider_with_tls.trust = None
    tokens = provider_with_tls.tokens()
    await outage(tokens, provider_with_tls.token())
    assert provider_with_tls.asked.total() == 0
    await tokens.close()


SMALL = PUBLIC | {"n": int_to_base64(base64_to_int(str(PUBLIC["n"])) >> 1 | 1)}

UNUSED: dict[str, Any] = {
    "for encryption": PUBLIC | {"use": "enc"},
    "use null": PUBLIC | {"use": None},
    "use a list": PUBLIC | {"use": ["sig"]},
    "for another alg": PUBLIC | {"alg": "RS512"},
    "EC for another alg": EC.as_dict(private=False) | {"alg": "ES384"},
    "too small": SMALL,
    "n missing": {name: value for name, value in PUBLIC.items() if name != "n"},
    "e missing": {name: value for name, value in PUBLIC.items() if name != "e"},
    "e zero": PUBLIC | {"e": "AA"},
    "e empty": PUBLIC | {"e": ""},
    "e a number": PUBLIC | {"e": 65537},
    "n no base64": PUBLIC | {"n": "é" * 400},
    "kid a number": PUBLIC | {"kid": 1},
    "key_ops a number": PUBLIC | {"key_ops": 1},
    "key_ops against use": PUBLIC | {"use": "sig", "key_ops": ["encrypt"]},
    "another curve": ECKey.generate_key("P-384").as_dict(private=False),
    "curve unknown": EC.as_dict(private=False) | {"crv": "P-1"},
    "curve a list": EC.as_dict(private=False) | {"crv": ["P-256"]},
    "off the curve": EC.as_dict(private=False) | {"x": "AA"},
    "far off the curve": EC.as_dict(private=False) | {"x": "_" * 4000},
    "a secret": {"kty": "oct", "k": "AAAA"},
    "kty missing": {"n": PUBLIC["n"], "e": PUBLIC["e"]},
    "kty a list": PUBLIC | {"kty": ["RSA"]},
    "nothing": {},
    "text": "key",
}


@pytest.mark.parametrize("entry", UNUSED.values(), ids=UNUSED.keys())
def test_a_key_that_cannot_serve_does_not_spoil_the_others(entry: object) -> None:
    assert [key.kid for key in public_keys.read([entry, PUBLIC, entry])] == ["rsa"]


def test_what_comes_with_a_key_does_not_matter() -> None:
    published = [
        PUBLIC | {"x5c": 1, "x5u": "a", "d": "A", "use": "sig", "alg": "RS256"},
        EC.as_dict(private=True) | {"key_ops": ["verify"]},
    ]
    found = public_keys.read(published)
    assert [(key.alg, key.kid, key.key.is_private) for key in found] == [("RS256", "rsa", False), ("ES256", "ec", False)]


async def test_a_key_without_a_name_serves_tokens_without_one(provider: Provider, tokens: Tokens) -> None:
    provider.keys = [{name: value for name, value in key.items() if name != "kid"} for key in provider.keys]
    assert await tokens.identify(provider.token(header={})) == provider.ann
    await is_refused(tokens, provider.token())
