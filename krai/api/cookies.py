"""The two cookies of krai: of a sign-in under way, and of the session that comes of it.

Over https their names begin with `__Host-` (RFC 6265bis): no other host, no page on plain http and no path can have set them.
"""

from enum import StrEnum

from starlette.requests import HTTPConnection
from starlette.responses import Response


class Cookie(StrEnum):
    LOGIN = "krai-login"
    SESSION = "krai-session"


def read(connection: HTTPConnection, cookie: Cookie, base_url: str) -> list[str]:
    """The values that a request brings, more than one only when somebody has meddled."""
    wanted = _name(cookie, base_url)
    pairs = [pair.partition("=") for header in connection.headers.getlist("cookie") for pair in header.split(";")]
    return [value for name, _, text in pairs if name.strip() == wanted and (value := text.strip())]


def give(cookie: Cookie, value: str, *, base_url: str, lives_s: int) -> tuple[bytes, bytes]:
    """The header that sets it."""
    answer = Response()
    answer.set_cookie(_name(cookie, base_url), value, max_age=lives_s, path="/", secure=_https(base_url), httponly=True, samesite="lax")
    return b"set-cookie", answer.headers["set-cookie"].encode("latin-1")


def take(cookie: Cookie, *, base_url: str) -> tuple[bytes, bytes]:
    """The header that removes it."""
    return give(cookie, "", base_url=base_url, lives_s=0)


def _name(cookie: Cookie, base_url: str) -> str:
    return f"__Host-{cookie}" if _https(base_url) else cookie.value


def _https(base_url: str) -> bool:
    return base_url.startswith("https://")
