"""URLs that callers name: what their text alone says against them, before anything is asked of the network.

A host is a name. Addresses are refused in every spelling: the resolver reads decimal, octal, hexadecimal and circled digits.
"""

import re
import unicodedata
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from krai.outbound.addresses import NotPublic

LONGEST_BYTES = 2048
HTTPS_PORT = 443
LOWEST_FREE_PORT = 1024  # below it, only https itself: nothing else there is meant to be called
HIGHEST_PORT = 65535

# What no URL may hold (RFC 3986, 2), though some programs read on where others stop.
_NOT_IN_A_URL = frozenset(' \\"<>^`{|}')
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_LONGEST_NAME = 253
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Names of machines, clusters and networks of one's own; the last three resolve to any address that stands in the name.
_NOT_PUBLIC = ("localhost", "internal", "local", "svc", "nip.io", "sslip.io", "xip.io")


class Malformed(Exception):
    """Not a URL to call at all, wherever it leads."""


def check(url: str) -> SplitResult:
    """The parts of a plain https URL with the name of a host that may be public, port 443 or one from 1024, and no user.

    Raises Malformed, NotPublic.
    """
    if len(url.encode(errors="replace")) > LONGEST_BYTES or not url.isprintable() or _NOT_IN_A_URL & set(url):
        raise Malformed
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Malformed from None
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme != "https" or authority is None or not _may_be_called(int(authority["port"] or HTTPS_PORT)):
        raise Malformed
    _check_host(authority["host"])
    if not url.isascii():
        raise Malformed
    return parts


def _may_be_called(port: int) -> bool:
    return port == HTTPS_PORT or LOWEST_FREE_PORT <= port <= HIGHEST_PORT


def _check_host(host: str) -> None:
    if host.startswith("["):
        try:
            IPv6Address(host[1:-1])
        except ValueError:
            raise Malformed from None
        raise NotPublic
    # As the resolver would read it (RFC 5895): compatible characters and the full stops of other scripts.
    read = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    if _NUMBER.fullmatch(read.rpartition(".")[2]):
        raise NotPublic
    if len(read) > _LONGEST_NAME or not _NAME.fullmatch(read):
        raise Malformed
    if "." not in read or any(f".{read}".endswith(f".{suffix}") for suffix in _NOT_PUBLIC):
        raise NotPublic
    if host.endswith("."):
        raise Malformed
