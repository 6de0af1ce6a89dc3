"""Where datasets are kept, as the environment names it: a folder of a bucket, an Iceberg REST catalog, BigQuery, or a PostgreSQL database.

    gs://bucket/prefix    iceberg+https://host/path    bigquery://project/dataset    postgresql://user:password@host:port/database?sslmode=require

The last is an address as libpq takes it, with as many hosts as one likes.
"""

import re
from urllib.parse import parse_qs, unquote, urlsplit

from krai import catalog_url

_BUCKET = re.compile(r"gs://\S+[^/\s]", re.ASCII)
_POSTGRES = re.compile(r"postgres(?:ql)?://(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})+", re.ASCII)
_BIGQUERY = re.compile(r"bigquery://(?:[a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]/[A-Za-z0-9_]{1,1024}", re.ASCII)
_PORT = re.compile(r":\d*$", re.ASCII)
_ENCRYPTED = frozenset({"require", "verify-ca", "verify-full"})
_TAKES = (
    "postgresql://user:password@host/database, bigquery://project/dataset, iceberg+https://host/path?warehouse=…,"
    " or in mode gcp gs://bucket/prefix"
)
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def is_bucket(url: str) -> bool:
    return _BUCKET.fullmatch(url) is not None


def is_postgres(url: str) -> bool:
    return _POSTGRES.fullmatch(url) is not None


def is_bigquery(url: str) -> bool:
    return _BIGQUERY.fullmatch(url) is not None


def insist(url: str, *, in_gcp: bool) -> None:
    """Raises ValueError, whose text holds nothing of the address."""
    if catalog_url.is_catalog(url):
        catalog_url.read(url, folders=not in_gcp)
    elif is_postgres(url):
        if in_gcp and is_open_line(url):
            raise ValueError(
                "KRAI_WAREHOUSE_URL leads over a network without encryption: add ?sslmode=verify-full, or at least ?sslmode=require"
            )
    elif not is_bigquery(url) and not (in_gcp and is_bucket(url)):
        raise ValueError(f"KRAI_WAREHOUSE_URL takes {_TAKES}")


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
