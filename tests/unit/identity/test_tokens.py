"""Which ID tokens are believed. A provider on this machine signs them; `...` in a table leaves a claim out."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from krai.errors import Terminal
from krai.identity.issuers import GOOGLE, Issuer, google
from krai.identity.tokens import Identity, Tokens
from tests.unit.identity.provider import AUDIENCE, EC, KEYS, NOW_AT, OTHER, RSA, Provider, signed

AT = int(NOW_AT)


def part(value: Any) -> bytes:
    return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")


async def refusal(tokens: Tokens, token: bytes) -> str:
    with pytest.raises(Terminal) as refused:
        await tokens.identify(token)
    assert refused.value.code == "invalid_token"
    return refused.value.detail


@pytest.mark.parametrize("key", [RSA, EC], ids=["RS256", "ES256"])
async def test_a_good_token_says_who_it_is(provider: Provider, tokens: Tokens, key: Any) -> None:
    identity = await tokens.identify(provider.token(key))
    assert identity == provider.ann
    assert identity.id == f"{provider.url}|7"
    assert identity.tenant == "acme"


@pytest.mark.parametrize(
    "header",
    [{}, {"kid": "rsa", "typ": "JWT", "x5c": ["A" * 2000], "novel": 1}, {"kid": "rsa", "jwk": {"kty": "oct", "k": "AA"}}],
    ids=["no kid", "more than a kid", "a key of its own"],
)
async def test_other_headers_change_nothing(provider: Provider, tokens: Tokens, header: dict[str, Any]) -> None:
    assert await tokens.identify(provider.token(header=header)) == provider.ann


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": AT - 59, "iat": AT - 600},
        {"exp": AT + 0.5, "iat": AT + 59, "nbf": AT + 60},
        {"sub": "a" * 255},
        {"nbf": AT - 5, "nonce": "x", "aud": AUDIENCE},
        {"aud": [AUDIENCE]},
        {"azp": "another"},
    ],
)
async def test_what_is_just_right_is_believed(provider: Provider, tokens: Tokens, claims: dict[str, Any]) -> None:
    assert (await tokens.identify(provider.token(**claims))).email == "ann@acme.example"


REFUSED_CLAIMS = {
    "aud other": {"aud": "another"},
    "aud a list of lists": {"aud": [[AUDIENCE]]},
    "aud twice": {"aud": [AUDIENCE, AUDIENCE]},
    "aud an empty list": {"aud": []},
    "aud a list": {"aud": [AUDIENCE, "another"]},
    "aud missing": {"aud": ...},
    "aud null": {"aud": None},
    "aud an object": {"aud": {AUDIENCE: 1}},
    "iss other": {"iss": "https://issuer.example"},
    "iss missing": {"iss": ...},
    "iss a list": {"iss": [GOOGLE]},
    "iss null": {"iss": None},
    "exp past": {"exp": AT - 60},
    "exp missing": {"exp": ...},
    "exp a string": {"exp": str(AT + 600)},
    "exp null": {"exp": None},
    "exp true": {"exp": True},
    "exp a list": {"exp": [AT + 600]},
    "exp Infinity": {"exp": float("inf")},
    "exp NaN": {"exp": float("nan")},
    "exp below zero": {"exp": -1},
    "exp 64 bits and more": {"exp": 2**64},
    "iat missing": {"iat": ...},
    "iat in the future": {"iat": AT + 61},
    "iat a string": {"iat": str(AT)},
    "iat false": {"iat": False},
    "nbf in the future": {"nbf": AT + 61},
    "nbf null": {"nbf": None},
    "nbf a string": {"nbf": "0"},
    "email_verified false": {"email_verified": False},
    "email_verified a string": {"email_verified": "true"},
    "email_verified one": {"email_verified": 1},
    "email_verified missing": {"email_verified": ...},
    "no sub": {"sub": ...},
    "sub empty": {"sub": ""},
    "sub a number": {"sub": 7},
    "sub too long": {"sub": "a" * 256},
    "sub with a line break": {"sub": "a\nb"},
    "sub with NUL": {"sub": "a\0"},
    "sub that turns around": {"sub": "a\u202eb"},
    "no email": {"email": ...},
    "email empty": {"email": ""},
    "email a list": {"email": ["ann@acme.example"]},
}


@pytest.mark.parametrize("claims", REFUSED_CLAIMS.values(), ids=REFUSED_CLAIMS.keys())
async def test_a_wrong_claim_is_refused_before_any_key_is_asked_for(provider: Provider, tokens: Tokens, claims: dict[str, Any]) -> None:
    detail = await refusal(tokens, provider.token(**claims))
    assert any(word in detail for word in (*claims, "strict JSON"))
    assert provider.asked.total() == 0


REFUSED_PAYLOADS = {
    "nested": b"[" * 2500 + b"]" * 2500,
    "exp of 5,000 digits": b'{"exp":' + b"9" * 5000 + b"}",
    "exp 1e400": b'{"exp":1e400}',
    "a claim twice": b'{"aud":"a","aud":"b"}',
    "a list": b"[]",
    "null": b"null",
    "nothing JSON": b"\xff\xfe",
    "half a surrogate": b'{"sub":"\\ud800"}',
}


@pytest.mark.parametrize("payload", REFUSED_PAYLOADS.values(), ids=REFUSED_PAYLOADS.keys())
async def test_a_payload_that_reads_two_ways_is_refused(provider: Provider, tokens: Tokens, payload: bytes) -> None:
    assert "payload" in await refusal(tokens, signed(payload))
    assert provider.asked.total() == 0


REFUSED_HEADERS = {
    "alg none": {"alg": "none"},
    "alg nOnE": {"alg": "nOnE"},
    "alg in a list": {"alg": ["RS256"]},
    "alg HS256": {"alg": "HS256"},
    "alg RS384": {"alg": "RS384"},
    "alg PS256": {"alg": "PS256"},
    "alg EdDSA": {"alg": "EdDSA"},
    "alg rs256": {"alg": "rs256"},
    "alg null": {"alg": None},
    "alg missing": {},
    "crit": {"alg": "RS256", "crit": ["exp"], "exp": 1},
    "crit empty": {"alg": "RS256", "crit": []},
    "crit null": {"alg": "RS256", "crit": None},
    "b64 by crit": {"alg": "RS256", "crit": ["b64"], "b64": False},
    "kid a number": {"alg": "RS256", "kid": 1},
    "kid null": {"alg": "RS256", "kid": None},
    "kid a list": {"alg": "RS256", "kid": ["rsa"]},
    "a list": ["RS256"],
    "a string": "RS256",
    "twice": b'{"alg":"none","alg":"RS256"}',
    "twice by an escape": b'{"alg":"RS256","\\u0061lg":"none"}',
    "nested": b'{"alg":"RS256","a":' + b"[" * 2000 + b"]" * 2000 + b"}",
    "empty": b"",
}


@pytest.mark.parametrize("header", REFUSED_HEADERS.values(), ids=REFUSED_HEADERS.keys())
async def test_a_wrong_header_is_refused_before_any_key_is_asked_for(provider: Provider, tokens: Tokens, header: Any) -> None:
    body = part(header) + b"." + part(provider.claims())
    for signature in (provider.token().rpartition(b".")[2], b""):
        await refusal(tokens, body + b"." + signature)
    assert provider.asked.total() == 0


@pytest.mark.parametrize("secret", [RSA.as_pem(), RSA.as_der(), json.dumps(RSA.as_dict(private=False)).encode()], ids=["PEM", "DER", "JWK"])
async def test_a_public_key_is_no_secret_to_sign_with(provider: Provider, tokens: Tokens, secret: bytes) -> None:
    await tokens.identify(provider.token())
    body = part({"alg": "HS256", "kid": "rsa"}) + b"." + part(provider.claims())
    token = body + b"." + part(hmac.new(secret, body, hashlib.sha256).digest())
    assert "alg" in await refusal(tokens, token)


async def test_only_three_parts_in_strict_base64url_are_a_token(provider: Provider, tokens: Tokens) -> None:
    good = provider.token()
    head, payload, signature = good.split(b".")
    wrong = [
        b"",
        b"..",
        b"a.b.c",
        head + b"." + payload,
        good + b".",
        good + b".x",
        good + b"\n",
        b" " + good,
        good + b"=",
        head + b"=." + payload + b"." + signature,
        head + b"." + payload + b"A." + signature,
        head[:4] + b"+" + head[5:] + b"." + payload + b"." + signature,
        head[:4] + b"/" + head[5:] + b"." + payload + b"." + signature,
        b"\xff" * 40,
        "٣.٣.٣".encode(),
    ]
    for token in wrong:
        await refusal(tokens, token)
    assert provider.asked.total() == 0


async def test_the_last_letter_of_a_part_has_no_spare_bits(provider: Provider, tokens: Tokens) -> None:
    """256 bytes end in a letter of which four bits stand for nothing: 16 spellings of one signature, one of them good."""
    good = provider.token()
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    accepted = []
    for letter in letters:
        try:
            await tokens.identify(good[:-1] + bytes([letter]))
        except Terminal:
            continue
        accepted.append(letter)
    assert accepted == [good[-1]]


@pytest.mark.parametrize("size", [8 * 1024 + 1, 1024 * 1024])
async def test_a_long_token_costs_nothing(provider: Provider, tokens: Tokens, size: int) -> None:
    token = provider.token(padding="x" * size)
    started_s = time.thread_time()
    assert "8192" in await refusal(tokens, token)
    assert time.thread_time() - started_s < 0.5
    assert provider.asked.total() == 0


async def test_a_deep_token_costs_nothing(provider: Provider, tokens: Tokens) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    started_s = time.thread_time()
    await refusal(tokens, part({"alg": "RS256"}) + b"." + part(deep) + b".AA")
    await refusal(tokens, part({"alg": "RS256"}) + b"." + part(deep[:5000]) + b".AA")
    assert time.thread_time() - started_s < 0.5
    assert provider.asked.total() == 0


async def test_what_is_signed_by_another_or_changed_is_refused(provider: Provider, tokens: Tokens) -> None:
    head, payload, signature = provider.token().split(b".")
    forged = [
        provider.token(OTHER, header={"kid": "rsa"}),
        provider.token(OTHER, header={}),
        b".".join((head, part(provider.claims(email="eve@acme.example")), signature)),
        b".".join((part({"alg": "RS256", "kid": "rsa", "typ": "x"}), payload, signature)),
        b".".join((head, payload, signature[:-4])),
        b".".join((head, payload, b"AA")),
        b".".join((part({"alg": "RS256", "kid": "rsa", "b64": False}), payload, signature)),
        b".".join((part({"alg": "ES256", "kid": "ec"}), payload, part(bytes(64)))),
    ]
    for token in forged:
        assert "signature" in await refusal(tokens, token)


async def test_a_key_serves_its_own_alg_only(provider: Provider, tokens: Tokens) -> None:
    assert "No key" in await refusal(tokens, provider.token(header={"kid": "ec"}))
    assert "No key" in await refusal(tokens, provider.token(EC, header={"kid": "rsa"}))


async def test_a_refusal_repeats_nothing_of_the_token(provider: Provider, tokens: Tokens) -> None:
    secrets = [
        provider.token(iss="https://shown.example"),
        provider.token(aud="shown"),
        provider.token(sub="shown\n"),
        provider.token(exp="shown"),
        provider.token(header={"kid": "shown"}),
        signed(b'{"shown":'),
        part({"alg": "shown"}) + b"." + part({}) + b".AA",
    ]
    for token in secrets:
        assert "shown" not in await refusal(tokens, token)


@pytest.mark.parametrize("iss", ["https://accounts.google.com", "accounts.google.com"])
async def test_google_writes_itself_in_two_ways(provider: Provider, iss: str) -> None:
    """Its keys are elsewhere, so as far as a token comes without them: the name is known, and the audience is not ours."""
    tokens = provider.tokens(google("ours"))
    assert "aud" in await refusal(tokens, provider.token(iss=iss))
    await tokens.close()


@pytest.mark.parametrize("iss", ["http://accounts.google.com", "https://accounts.google.com/", "accounts.google.com.example", ""])
async def test_google_has_no_other_names(provider: Provider, iss: str) -> None:
    tokens = provider.tokens(google("ours"))
    assert "iss" in await refusal(tokens, provider.token(iss=iss))
    await tokens.close()


async def test_others_have_one_name_and_no_short_one(provider: Provider, tokens: Tokens) -> None:
    for iss in (provider.url + "/", provider.url.removeprefix("http://"), provider.url.upper()):
        assert "iss" in await refusal(tokens, provider.token(iss=iss))


async def test_an_issuer_may_stand_for_two_audiences(provider: Provider) -> None:
    tokens = provider.tokens(Issuer(issuer=provider.url, audience="second", tenant="other"))
    assert await tokens.identify(provider.token(aud="second")) == Identity(provider.url, "7", "ann@acme.example", "other")
    assert await tokens.identify(provider.token()) == provider.ann
    assert provider.asked[KEYS] == 1
    await tokens.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example",
        "ftp://issuer.example",
        "issuer.example",
        "",
        "https://",
        "https://a:b@issuer.example",
        "https://a.example/?b",
        "https://[::1/",
    ],
)
def test_an_issuer_that_could_be_anybody_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="loopback"):
        Issuer(issuer=url, audience="a", tenant="t")


@pytest.mark.parametrize("url", ["https://issuer.example/path", "http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", GOOGLE])
def test_an_issuer_is_https_or_on_this_machine(url: str) -> None:
    assert Issuer(issuer=url, audience="a", tenant="t").issuer == url
