"""Rows 1 to 10: credentials that are none, forged, over, or too many. What they stand for is never repeated."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from krai.ports import Stores
from tests.hostile import forgery
from tests.hostile.case import Case
from tests.hostile.forgery import Forge, in_so_many_words, saying, unsigned, with_header, with_payload
from tests.hostile.ground import CANARY, Ground, problem_of
from tests.hostile.wire import Answer
from tests.unit.api.house import put_key
from tests.unit.identity.provider import KEYS

JOBS = "/api/v1/jobs"
UNKNOWN_KIDS = 1000
QUICK_S = 0.05
NESTED = b'{"a":' + b"[" * 4000 + b"]" * 4000 + b"}"


@pytest.fixture(scope="module")
def mode() -> str:
    """Tokens and headers are read before any store is asked."""
    return "embedded"


def nobody(row: int, name: str, *headers: tuple[str, str], answers: tuple[int, str] = (401, "unauthenticated"), query: str = "") -> Case:
    return Case(row=row, name=name, method="GET", target=JOBS + query, headers=headers, by_admin=False, answers=answers)


INVALID, AMBIGUOUS = (401, "invalid_key"), (400, "ambiguous_credentials")
KEY_LIKE = f"krai_0123456789abcdef_{CANARY}"
HEADERS = [
    nobody(1, "nothing"),
    nobody(1, "basic", ("Authorization", f"Basic {CANARY}")),
    nobody(1, "bearer-of-nothing", ("Authorization", "Bearer ")),
    nobody(1, "scheme-alone", ("Authorization", "Bearer")),
    nobody(1, "empty-key", ("x-api-key", "")),
    nobody(9, "byte-0xE9", ("x-api-key", f"caf\xe9{CANARY}"), answers=INVALID),
    nobody(9, "10-kB", ("x-api-key", CANARY.ljust(10_000, "k")), answers=INVALID),
    nobody(9, "looks-like-one", ("x-api-key", KEY_LIKE), answers=INVALID),
    *(
        nobody(9, f"in-the-address-{name}", query=f"?a=1&{name}={KEY_LIKE}", answers=INVALID)
        for name in ("api_key", "x-api-key", "API-KEY")
    ),
    nobody(10, "key-and-token", ("x-api-key", CANARY), ("Authorization", f"Bearer {CANARY}"), answers=AMBIGUOUS),
    nobody(10, "two-keys", ("x-api-key", CANARY), ("x-api-key", CANARY), answers=AMBIGUOUS),
    nobody(10, "two-tokens", ("Authorization", f"Bearer {CANARY}"), ("Authorization", f"Bearer {CANARY}"), answers=AMBIGUOUS),
]


@pytest.mark.parametrize("case", HEADERS, ids=str)
def test_hostile(ground: Ground, case: Case) -> None:
    assert "Bearer" in (case.ask(ground).header("www-authenticate") or "") or case.answers == AMBIGUOUS


@pytest.mark.parametrize("second", ["x-api-key", "Authorization"])
def test_10_a_good_key_beside_another_credential_is_no_better(ground: Ground, second: str) -> None:
    answer = ground.ask("GET", JOBS, ground.as_admin((second, f"Bearer {ground.canary()}")))
    assert problem_of(answer, 400) == "ambiguous_credentials"


# -- tokens -----------------------------------------------------------------------------------------------------------------

TOKENS: dict[str, Forge] = {
    "2-alg-none": unsigned({"alg": "none"}, b""),
    "2-alg-nOnE": unsigned({"alg": "nOnE", "kid": "rsa"}),
    "2-alg-missing": unsigned({"kid": "rsa"}),
    "2-HS256-by-the-public-key": forgery.by_the_public_key,
    "2-alg-in-a-list": unsigned({"alg": ["RS256"], "kid": "rsa"}),
    "2-another-key-under-our-kid": forgery.by_somebody_else,
    "2-another-signature": forgery.with_another_ending,
    "2-key-in-the-header": with_header(jwk={"kty": "oct", "k": "AA"}, kid="mine"),
    "3-aud-other": saying(aud="another"),
    "3-aud-list": saying(aud=["krai-client", "another"]),
    "3-aud-missing": saying(aud=...),
    "3-aud-number": saying(aud=7),
    "3-iss-other": saying(iss="https://evil.example"),
    "3-iss-list": saying(iss=["https://evil.example"]),
    "3-iss-missing": saying(iss=...),
    "4-exp-past": saying(exp=1_000_000_000),
    "4-exp-text": saying(exp="4102444800"),
    "4-exp-null": saying(exp=None),
    "4-exp-missing": saying(exp=...),
    "4-exp-Infinity": in_so_many_words("exp", "Infinity"),
    "4-exp-NaN": in_so_many_words("exp", "NaN"),
    "4-exp-1e999": in_so_many_words("exp", "1e999"),
    "4-exp-5000-digits": in_so_many_words("exp", "9" * 5000),
    "4-nbf-future": saying(nbf=4_102_444_800),
    "4-iat-future": saying(iat=4_102_444_800),
    "5-email-not-verified": saying(email_verified=False),
    "5-email-verified-text": saying(email_verified="true"),
    "5-email-verified-missing": saying(email_verified=...),
    "5-no-sub": saying(sub=...),
    "5-no-email": saying(email=...),
    "5-email-list": saying(email=["ann@acme.example"]),
    "6-payload-nested": with_payload(NESTED[:5000]),
    "6-payload-nested-and-closed": with_payload(b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}"),
    "6-crit": with_header(kid="rsa", crit=["kid"]),
    "6-twice-the-same-claim": with_payload(b'{"iss":"a","iss":"b"}'),
    "6-30-kB": lambda provider: provider.token(name="n" * 22_000),
}


def bearing(token: bytes) -> tuple[str, str]:
    return "Authorization", f"Bearer {token.decode('latin-1')}"


def sign_in(ground: Ground, token: bytes) -> Answer:
    """Ask with a token, of which nothing may be seen again."""
    for part in token.split(b".")[1:]:
        if len(part) > len(CANARY):
            ground.keep_secret(part.decode("latin-1"))
    return ground.ask("GET", JOBS, [bearing(token)])


@pytest.fixture(scope="module")
def ann(shared_ground: Ground) -> Iterator[str]:
    """Ann is let in: what is refused below is refused for what is wrong with the token."""
    email = "ann@acme.example"
    assert shared_ground.admin.http.put("/api/v1/users", json={"email": email}).status_code == httpx.codes.OK
    assert shared_ground.ask("GET", JOBS, [bearing(shared_ground.provider.token())]).status == httpx.codes.OK
    yield email
    shared_ground.admin.http.delete("/api/v1/users", params={"email": email})


@pytest.mark.usefixtures("ann")
@pytest.mark.parametrize("name", TOKENS)
def test_hostile_token(ground: Ground, name: str) -> None:
    answer = sign_in(ground, TOKENS[name](ground.provider))
    assert problem_of(answer, 401) == "invalid_token"
    assert 'error="invalid_token"' in (answer.header("www-authenticate") or "")


def test_6_a_token_larger_than_a_head_may_be_is_not_read(ground: Ground) -> None:
    """431 and not 401: a megabyte does not get as far as to be a token. Neither do 200,000 brackets."""
    answer = sign_in(ground, b"a" * 12 + b"." + b"b" * (1 << 20) + b".c")
    assert problem_of(answer, 431) == "headers_too_large"


@pytest.mark.usefixtures("ann")
def test_6_a_thousand_unknown_keys_are_looked_for_once(ground: Ground) -> None:
    provider = ground.provider
    tokens = [provider.token(header={"kid": f"nobody{number}"}).decode() for number in range(UNKNOWN_KIDS)]
    asked, took_s = provider.asked[KEYS], []
    for token in tokens:
        began_s = time.monotonic()
        answer = ground.deployment.krai.anonymous.get(JOBS, headers={"Authorization": f"Bearer {token}"})
        took_s.append(time.monotonic() - began_s)
        assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert provider.asked[KEYS] - asked <= 1
    assert statistics.median(took_s) < QUICK_S


# -- people -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("local", ["canary", "a/b/c+canary", "..", "canary\\u202e"])
def test_7_who_is_not_on_the_list(ground: Ground, local: str) -> None:
    email = f"{local.replace('canary', ground.canary())}@x.example"
    answer = sign_in(ground, ground.provider.token(email=email, sub="stranger"))
    assert problem_of(answer, 403) == "not_allowed"
    assert email not in answer.text


@pytest.mark.usefixtures("ann")
def test_7_another_person_with_an_address_on_the_list(ground: Ground) -> None:
    """It is whose it was first."""
    assert problem_of(sign_in(ground, ground.provider.token(sub="8")), 403) == "not_allowed"


def test_7_who_was_removed(ground: Ground) -> None:
    email = "gone@acme.example"
    token = ground.provider.token(email=email, sub="gone")
    with let_in(ground, email):
        assert sign_in(ground, token).status == httpx.codes.OK
    answer = sign_in(ground, token)
    assert problem_of(answer, 403) == "not_allowed"
    assert email not in answer.text


@contextmanager
def let_in(ground: Ground, email: str) -> Iterator[None]:
    assert ground.admin.http.put("/api/v1/users", json={"email": email}).status_code == httpx.codes.OK
    yield
    assert ground.admin.http.delete("/api/v1/users", params={"email": email}).status_code == httpx.codes.NO_CONTENT


def test_8_a_provider_that_has_never_given_its_keys(ground: Ground) -> None:
    answer = sign_in(ground, ground.dead_provider.token())
    assert problem_of(answer, 503) == "auth_unavailable"
    assert int(answer.header("retry-after") or 0) > 0


# -- keys -------------------------------------------------------------------------------------------------------------------


def test_9_a_key_that_was_revoked(ground: Ground) -> None:
    key = ground.keep_secret(ground.make_key("revoked"))
    assert ground.ask("GET", JOBS, [("x-api-key", key)]).status == httpx.codes.OK
    ground.admin.http.delete("/token", params={"key_id": key.split("_")[1]})
    assert problem_of(ground.ask("GET", JOBS, [("x-api-key", key)]), 401) == "invalid_key"


def test_9_a_key_that_has_expired(ground: Ground) -> None:
    key = ground.keep_secret(ground.make_key("expired"))

    async def end(stores: Stores) -> None:
        await put_key(stores, key, expires_at=stores.jobs.now() - timedelta(seconds=1))

    ground.deployment.stores.use(end)
    assert problem_of(ground.ask("GET", JOBS, [("x-api-key", key)]), 401) == "invalid_key"


def test_9_a_key_of_another_last_letter(ground: Ground) -> None:
    key = str(ground.ada.http.headers["x-api-key"])
    for other in (key[:-1] + ("a" if key[-1] != "a" else "b"), key.upper(), key + "a", key[:-1], f"{key} {key}"):
        assert problem_of(ground.ask("GET", JOBS, [("x-api-key", ground.keep_secret(other))]), 401) == "invalid_key"


def test_9_a_good_key_in_an_address_opens_nothing(ground: Ground) -> None:
    """Also beside the same key in its header: an address stands in the logs of whatever is on the way."""
    key = str(ground.ada.http.headers["x-api-key"])
    for headers in ([], [("x-api-key", key)]):
        assert problem_of(ground.ask("GET", f"{JOBS}?api_key={key}", headers), 401) == "invalid_key"
