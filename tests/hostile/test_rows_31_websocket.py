"""Row 31 for /ws: refused before the upgrade, with the status that a request would get."""

import base64
import secrets

import pytest

from tests.hostile.ground import Ground, problem_of
from tests.hostile.wire import Headers


@pytest.fixture(scope="module")
def mode() -> str:
    return "embedded"


def upgrade(*headers: tuple[str, str]) -> Headers:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    return [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", key), *headers]


def test_31_a_socket_without_a_credential(ground: Ground) -> None:
    assert problem_of(ground.ask("GET", "/ws", upgrade()), 401) == "unauthenticated"


def test_31_a_socket_with_a_revoked_key(ground: Ground) -> None:
    key = ground.keep_secret(ground.make_key("revoked"))
    ground.admin.http.delete("/token", params={"key_id": key.split("_")[1]})
    assert problem_of(ground.ask("GET", "/ws", upgrade(("x-api-key", key))), 401) == "invalid_key"


def test_31_a_socket_with_a_key_that_may_not_read(ground: Ground) -> None:
    key = ground.keep_secret(ground.make_key("writes", "import"))
    assert problem_of(ground.ask("GET", "/ws", upgrade(("x-api-key", key))), 403) == "not_allowed"


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
def test_31_a_socket_from_a_page_of_others(ground: Ground, origin: str) -> None:
    headers = upgrade(("Origin", origin), ("Cookie", f"krai-session={ground.keep_secret(secrets.token_urlsafe(32))}"))
    assert ground.ask("GET", "/ws", headers).status == 403
