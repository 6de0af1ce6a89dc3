"""An Iceberg REST catalog as the environment names it: `iceberg+https://host/path?warehouse=…`, and what the query may hold.

warehouse   as the catalog knows it; where it is gs://…, files go there
location    where files go else: gs://bucket/prefix, or a folder of this machine
token_url   who gives a token for the client credential; else the catalog itself, at v1/oauth/tokens
scope       of that token
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

_SCHEMES = ("iceberg+https://", "iceberg+http://")
_ASKED = frozenset({"warehouse", "location", "token_url", "scope"})
_TAKES = "KRAI_WAREHOUSE_URL takes iceberg+https://host/path, and in its query warehouse, location, token_url and scope"
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogUrl:
    """`uri` is the address as pyiceberg takes it; the rest is as above."""

    uri: str
    warehouse: str | None = None
    location: str | None = None
    token_url: str | None = None
    scope: str | None = None

    @property
    def is_googles(self) -> bool:
        """Whether Google's own credentials are what it asks for."""
        return (urlsplit(self.uri).hostname or "").endswith(".googleapis.com")

    def root(self, otherwise: str) -> str:
        """The folder of all files."""
        if self.location is None and (self.warehouse or "").startswith("gs://"):
            return f"{str(self.warehouse).rstrip('/')}/krai"
        return self.location or otherwise


def is_catalog(url: str) -> bool:
    return url.startswith(_SCHEMES)


def read(url: str, *, folders: bool = True) -> CatalogUrl:
    """`folders`: files may be in a folder of this machine. Raises ValueError, whose text holds nothing of the address."""
    try:
        parts = urlsplit(url.removeprefix("iceberg+"))
        asked = parse_qsl(parts.query, strict_parsing=bool(parts.query))
        _ = parts.port
    except ValueError:
        raise ValueError(_TAKES) from None
    if parts.username is not None:
        raise ValueError("KRAI_WAREHOUSE_URL holds a credential: that is what KRAI_ICEBERG_CREDENTIAL is for")
    names = [name for name, _ in asked]
    if not parts.hostname or parts.fragment or not _ASKED.issuperset(names) or len(set(names)) < len(names):
        raise ValueError(_TAKES)
    read = CatalogUrl(uri=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", **dict(asked))
    if is_open_line(read.uri) or (read.token_url is not None and is_open_line(read.token_url)):
        raise ValueError("KRAI_WAREHOUSE_URL leads over a network without encryption: it takes iceberg+https, and https for token_url")
    if read.location is not None and not read.location.startswith(("gs://", "/") if folders else "gs://"):
        raise ValueError("KRAI_WAREHOUSE_URL takes location=gs://bucket/prefix, or in mode embedded the whole path of a folder")
    return read


def is_open_line(uri: str) -> bool:
    """Whether credentials might go over a network that anybody can listen to."""
    parts = urlsplit(uri)
    return parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _HERE)
