"""One file from an https URL: as it is, whole, of a length that was told beforehand or a digest that is known, and from nowhere else.

What the server says is never shown: an answer may hold what only krai's network can see.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx

from krai.errors import Terminal, Transient
from krai.outbound import urls
from krai.outbound.addresses import NotPublic
from krai.outbound.connect import Outbound
from krai.outbound.pace import Pace

_PACE = Pace()


def download(
    url: str,
    target: Path,
    *,
    limit_bytes: int,
    outbound: Outbound,
    length_told: bool = True,
    told: Callable[[int], None] = lambda _: None,
    pace: Pace = _PACE,
) -> None:
    """Write the file to `target`. A source may be slow, but not hold a worker for ever: it must keep `pace`.

    `length_told`: it must say how long the file is. Where it need not, only the caller knows whether what came is the whole of it.

    Raises Terminal invalid_source_url, source_blocked, source_http_401, source_http_error, source_redirect, source_encoding,
    source_length_unknown, source_too_large, source_truncated, source_timeout; Transient source_unreachable, source_http_500.
    """
    with _translated():
        urls.check(url)
        with outbound.client(pace) as client, client.stream("GET", url) as answer:
            _check(answer, limit_bytes, length_told=length_told)
            _copy(answer, target, limit_bytes, told)


def _check(answer: httpx.Response, limit_bytes: int, *, length_told: bool) -> None:
    _check_status(answer.status_code)
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Terminal("source_encoding")
    length = answer.headers.get("content-length", "")
    # With a Transfer-Encoding the body ends where it says, whatever the length was (RFC 9112, 6.3).
    if not length.isdecimal() or "transfer-encoding" in answer.headers:
        if length_told:
            raise Terminal("source_length_unknown")
    elif int(length) > limit_bytes:
        raise Terminal("source_too_large", f"The file has {int(length)} bytes, at most {limit_bytes} are read.")


def _check_status(status: int) -> None:
    said = f"The source answered with status {status}."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise Terminal("source_redirect")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise Transient("source_http_500", said)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Transient("source_unreachable", said)
    if status == HTTPStatus.UNAUTHORIZED:
        raise Terminal("source_http_401")
    if status != HTTPStatus.OK:
        raise Terminal("source_http_error", said)


def _copy(answer: httpx.Response, target: Path, limit_bytes: int, told: Callable[[int], None]) -> None:
    received_bytes = 0
    with target.open("wb") as file:
        for chunk in answer.iter_raw():
            received_bytes += len(chunk)
            if received_bytes > limit_bytes:
                raise Terminal("source_too_large", f"At most {limit_bytes} bytes are read.")
            file.write(chunk)
            told(received_bytes)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (urls.Malformed, httpx.InvalidURL, UnicodeError):
        # The last one: a name with xn-- that stands for no characters, which httpx finds out late.
        raise Terminal("invalid_source_url") from None
    except NotPublic:
        raise Terminal("source_blocked") from None
    except httpx.ReadTimeout:
        raise Terminal("source_timeout") from None
    except httpx.RemoteProtocolError:
        # The connection ended before the length was reached, or what came was no HTTP.
        raise Terminal("source_truncated") from None
    except httpx.TransportError:
        raise Transient("source_unreachable") from None
