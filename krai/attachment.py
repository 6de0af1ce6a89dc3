"""How a file presents itself when it is downloaded, whoever serves it: as something to save, of a harmless type."""

from pathlib import PurePath
from urllib.parse import quote

_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".ndjson": "application/x-ndjson",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".gz": "application/gzip",
}


def disposition(name: str) -> str:
    """The Content-Disposition (RFC 6266): the name in ASCII for old clients, then in full (RFC 8187)."""
    plain = "".join(letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def media_type(name: str) -> str:
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), "application/octet-stream")
