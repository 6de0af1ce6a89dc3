"""Where datasets are kept, as the environment names it: a folder of a bucket, or a PostgreSQL database.

    gs://bucket/prefix    postgresql://user:password@host:port/database?sslmode=require

The second is an address as libpq takes it, with as many hosts as one likes.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

_BUCKET = re.compile(r"gs://\S+[^/\s]", re.ASCII)
_POSTGRES = re.compile(r"postgres(?:ql)?://(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})+", re.ASCII)
_PORT = re.compile(r":\d*$", re.ASCII)
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def is_bucket(url: str) -> bool:
    return _BUCKET.fullmatch(url) is not None


def is_postgres(url: str) -> bool:
    return _POSTGRES.fullmatch(url) is not None


def is_open_line(url: str) -> bool:
    """Whether rows and password might go over a network that anybody can listen to.

    A host that is not named is one, for libpq would take it from elsewhere; so is a `hostaddr`, which it would take instead.
    """
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    if "sslmode" in asked:
        return not _ENCRYPTED.issuperset(asked["sslmode"])
    named = [parts.netloc.rpartition("@")[2], *asked.get("host", []), *asked.get("hostaddr", [])]
    hosts = [_PORT.sub("", unquote(host)).strip("[]") for names in named for host in names.split(",") if host]
    return not hosts or not all(host in _HERE or host.startswith("/") for host in hosts)
