"""What both drivers have alike: where to, with which credential, and what httpx's failures mean."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

import krai
from krai.client.problem import Insecure
from krai.client.steps import Answer, Disconnected, Request

CONNECT_S = 10.0
# Before the request was sent: it cannot have been carried out.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
FAILURES = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


class _Unlogged(httpx.URL):
    """httpx logs the address of every request; the query of a link is a permission."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}{self.path}"


class Connection:
    """The address of a krai and what is sent there. The key stands in no repr. Raises Insecure, ValueError."""

    def __init__(self, url: str, api_key: str | None) -> None:
        self.base_url = _checked(url)
        if api_key and not _private(self.base_url):
            raise Insecure("An API key goes over https:// only; http:// is for this machine.")
        if api_key and not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ValueError("An API key is one word of ASCII characters.")
        self._api_key = api_key

    def __repr__(self) -> str:
        return f"Connection({self.base_url!r})"

    def build(self, http: httpx.Client | httpx.AsyncClient, request: Request) -> httpx.Request:
        """Raises Insecure, httpx.InvalidURL."""
        built = http.build_request(**self._arguments(request))
        built.url = _Unlogged(built.url)
        return built

    def _arguments(self, request: Request) -> dict[str, Any]:
        headers = {"user-agent": f"krai-client/{krai.__version__}", **request.headers}
        url = request.url
        if request.own:
            url = f"{self.base_url}{request.url}"
            if self._api_key:
                headers["x-api-key"] = self._api_key
        elif self.base_url.startswith("https://") and not url.startswith("https://"):
            raise Insecure("krai has answered with a link that is not https://; it was not followed.")
        timeout = httpx.Timeout(request.timeout_s, connect=CONNECT_S)
        # Without `params` the query of a signed link stays as it is.
        return {
            "method": request.method,
            "url": url,
            "headers": headers,
            "content": request.body,
            "timeout": timeout,
            **({"params": dict(request.params)} if request.params else {}),
        }

    def disconnected(self, error: Exception, request: Request) -> Disconnected:
        """Without the words of httpx where these could have the address of a link in them."""
        where = self.base_url if request.own else urlsplit(request.url).hostname
        if isinstance(error, NOT_SENT):
            reason = f"Nobody answers at {where}{_cause(error)}."
        elif isinstance(error, httpx.TimeoutException):
            reason = f"{where} was silent for too long."
        else:
            reason = f"The connection to {where} was broken."
        return Disconnected(reason, sent=not isinstance(error, NOT_SENT))


def answered(response: httpx.Response, body: bytes = b"") -> Answer:
    return Answer(response.status_code, _small(response.headers), body)


def _small(headers: httpx.Headers) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _cause(error: Exception) -> str:
    """Which httpx does not always know."""
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error)).strip().rstrip(".")
    return "" if not text or text == "All connection attempts failed" else f": {text}"


def _checked(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("The address of krai is https://…, or http://… on this machine, without a name, a password or a query in it.")
    return url.strip().rstrip("/")


def _private(base_url: str) -> bool:
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return parts.scheme == "https" or here
