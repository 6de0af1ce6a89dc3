"""One file from an https URL: as it is, whole, of a length that was told beforehand, and from nowhere else.

What the server says is never shown: an answer may hold what only krai's network can see.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

import httpx

from krai.errors import Terminal, Transient

_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 30
_GRACE_S = 30
_MIN_BYTES_PER_S = 10_000


def download(
    url: str,
    target: Path,
    *,
    limit_bytes: int,
    tls: ssl.SSLContext | None = None,
    told: Callable[[int], None] = lambda _: None,
    grace_s: float = _GRACE_S,
) -> None:
    """Write the file to `target`. `tls` says which certificates are trusted; None: those of public authorities.

    A source may be slow, but not hold a worker for ever: after `grace_s` it must keep up 10 kB a second.

    Raises Terminal invalid_source_url, source_http_error, source_redirect, source_encoding, source_length_unknown,
    source_too_large, source_truncated, source_timeout; Transient source_unreachable.
    """
    if not url.startswith("https://"):
        raise Terminal("invalid_source_url")
    timeout = httpx.Timeout(_READ_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S)
    # trust_env: a proxy or a .netrc of the machine is not the caller's to use.
    with (
        _translated(),
        httpx.Client(verify=True if tls is None else tls, timeout=timeout, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
    ):
        _check(answer, limit_bytes)
        _copy(answer, target, told, grace_s)


def _check(answer: httpx.Response, limit_bytes: int) -> None:
    status = answer.status_code
    if answer.is_redirect or answer.has_redirect_location:
        raise Terminal("source_redirect")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Transient("source_unreachable", f"The source answered with status {status}.")
    if status != HTTPStatus.OK:
        raise Terminal("source_http_error", f"The source answered with status {status}.")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Terminal("source_encoding")
    told = answer.headers.get("content-length", "")
    if not told.isdecimal():
        raise Terminal("source_length_unknown")
    if int(told) > limit_bytes:
        raise Terminal("source_too_large", f"The file has {int(told)} bytes, at most {limit_bytes} are read.")


def _copy(answer: httpx.Response, target: Path, told: Callable[[int], None], grace_s: float) -> None:
    started_s = time.monotonic()
    received = 0
    with target.open("wb") as file:
        for chunk in answer.iter_raw():
            file.write(chunk)
            received += len(chunk)
            told(received)
            over_s = time.monotonic() - started_s - grace_s
            if over_s > 0 and received < over_s * _MIN_BYTES_PER_S:
                raise Terminal("source_timeout")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Terminal("invalid_source_url") from None
    except httpx.ReadTimeout:
        raise Terminal("source_timeout") from None
    except httpx.RemoteProtocolError:
        # The connection ended before the length was reached, or what came was no HTTP.
        raise Terminal("source_truncated") from None
    except httpx.TransportError:
        raise Transient("source_unreachable") from None
