"""Row 31, and what else browsers add by themselves: the cookie of a session, from pages that are not krai's."""

import secrets

import pytest

from tests.hostile.ground import JSON, Ground, problem_of

EVENTS = f"/api/v1/jobs/{'0' * 32}/events"


@pytest.fixture(scope="module")
def mode() -> str:
    return "embedded"


def cookie(ground: Ground) -> tuple[str, str]:
    return "Cookie", f"krai-session={ground.keep_secret(secrets.token_urlsafe(32))}"


def test_31_a_session_that_is_none(ground: Ground) -> None:
    answer = ground.ask("GET", EVENTS, [("Accept", "text/event-stream"), cookie(ground)])
    assert problem_of(answer, 401)
    assert answer.header("www-authenticate")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example"])
def test_31_a_cookie_from_a_page_of_others(ground: Ground, origin: str) -> None:
    """Also from a page of CORS_ORIGINS: those have credentials of their own."""
    for method, target in (("GET", EVENTS), ("POST", "/api/v1/exports"), ("POST", "/logout")):
        answer = ground.ask(method, target, [("Origin", origin), cookie(ground), JSON], b"{}" if method == "POST" else b"")
        assert problem_of(answer, 403) == "csrf"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_31_a_change_that_the_browser_says_is_not_ours(ground: Ground, site: str) -> None:
    answer = ground.ask("POST", "/api/v1/exports", [("Sec-Fetch-Site", site), cookie(ground), JSON], b"{}")
    assert problem_of(answer, 403) == "csrf"


def test_10_a_cookie_beside_a_key(ground: Ground) -> None:
    answer = ground.ask("GET", "/api/v1/jobs", ground.as_admin(cookie(ground)))
    assert problem_of(answer, 400) == "ambiguous_credentials"


@pytest.mark.parametrize(
    "place", ["//evil.example", "/\\evil.example", "https://evil.example", "/%0d%0aSet-Cookie:a", "javascript:alert(1)", "\\/x"]
)
def test_31_signing_in_leads_to_no_other_place(ground: Ground, place: str) -> None:
    answer = ground.ask("GET", f"/login?next={place}")
    assert answer.status in {302, 303, 307, 400, 404, 200, 422, 503}
    assert "evil.example" not in (answer.header("location") or "")
    assert not [value for name, value in answer.headers if name == "set-cookie" and value == "a"]
