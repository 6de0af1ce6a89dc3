"""Rows 29 to 31: doors that are not there, pages of others, and streams without a credential."""

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.hostile.conftest import PAGE
from tests.hostile.ground import CANARY, Ground, problem_of

JOBS = "/api/v1/jobs"
NO_DOORS = (
    *("/metrics", "/debug", "/debug/pprof", "/redoc", "/mock-download/x", "/docs/", "/docs/oauth2-redirect", "/openapi.yaml"),
    *(
        "/.env",
        "/.git/config",
        "/admin",
        "/static/../main.py",
        "/docs/../../main.py",
        "/docs/%2e%2e/main.py",
        "//api/v1/jobs",
        "/api/v1/jobs/",
    ),
)
FOREIGN = (
    "https://evil.example",
    "null",
    "",
    PAGE.upper(),
    f"{PAGE}.evil.example",
    f"{PAGE}:444",
    PAGE.replace("https", "http"),
    f"{PAGE}, {PAGE}",
)


@pytest.fixture(scope="module")
def mode() -> str:
    return "embedded"


@pytest.mark.parametrize("path", NO_DOORS)
def test_29_no_such_door(ground: Ground, path: str) -> None:
    for headers in (ground.as_admin(), ()):
        answer = ground.ask("GET", f"{path}?{ground.canary()}", headers)
        assert problem_of(answer, 404) == "not_found"


@pytest.fixture(scope="module")
def undocumented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KraiProcess]:
    with KraiProcess(tmp_path_factory.mktemp("undocumented") / "data", env=QUICK | {"KRAI_SAMPLES": "off", "KRAI_DOCS": "off"}) as krai:
        yield krai.start()


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js"])
def test_29_no_description_where_it_is_switched_off(undocumented: KraiProcess, path: str) -> None:
    answer = undocumented.client.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("origin", FOREIGN)
def test_30_pages_of_others_are_told_nothing(ground: Ground, origin: str) -> None:
    asked = ("Access-Control-Request-Method", "DELETE"), ("Access-Control-Request-Headers", "x-api-key")
    preflight = ground.ask("OPTIONS", f"{JOBS}/{'0' * 32}", [("Origin", origin), *asked])
    request = ground.ask("GET", JOBS, ground.as_admin(("Origin", origin)))
    for answer in (preflight, request):
        assert not [name for name, _ in answer.headers if name.startswith("access-control-")], answer.text
    assert preflight.status == httpx.codes.METHOD_NOT_ALLOWED
    known = ground.ask("GET", JOBS, ground.as_admin(("Origin", PAGE)))
    assert known.header("access-control-allow-origin") == PAGE
    assert known.header("access-control-allow-credentials") is None


def test_30_two_origins_are_none(ground: Ground) -> None:
    answer = ground.ask("GET", JOBS, ground.as_admin(("Origin", PAGE), ("Origin", "https://evil.example")))
    assert answer.header("access-control-allow-origin") is None


@pytest.mark.parametrize("stream", ["events", "result", "errors"])
def test_31_a_stream_without_a_credential(ground: Ground, stream: str) -> None:
    target = f"{JOBS}/{'0' * 32}/{stream}"
    key = ground.keep_secret(ground.make_key("revoked"))
    assert problem_of(ground.ask("GET", target, [("x-api-key", key)]), 404) == "not_found"
    ground.admin.http.delete("/token", params={"key_id": key.split("_")[1]})
    for headers, code in (([], "unauthenticated"), ([("x-api-key", key)], "invalid_key"), ([("Cookie", CANARY)], "unauthenticated")):
        answer = ground.ask("GET", target, [("Accept", "text/event-stream"), *headers])
        assert problem_of(answer, 401) == code
        assert answer.header("www-authenticate")
