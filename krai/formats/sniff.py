"""What a file is, by its first bytes."""

import codecs

from krai.errors import Terminal
from krai.formats.compression import MAGIC

_PARQUET = b"PAR1"
_BINARY = (
    MAGIC,
    _PARQUET,
    b"\x89PNG",
    b"PK\x03\x04",
    b"%PDF-",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ",
    b"SQLite format 3",
    b"Obj\x01",
    b"\x7fELF",
)
_OF_TEXT = {b"{": "ndjson", b"[": "json"}
_MARKUP = (b"<!doctype", b"<html", b"<?xml")


def format_of(head: bytes, declared: str) -> str:
    """`csv`, `json`, `ndjson` or `parquet`, or `tsv` where that is declared.

    Raises Terminal format_mismatch when the content is not what was declared, or none of them.
    """
    if head.startswith(_PARQUET):
        found = "parquet"
    elif head.startswith(_BINARY) or head.lstrip().lower().startswith(_MARKUP):
        raise Terminal("format_mismatch", "The file holds something else than rows of text or Parquet.")
    else:
        found = _OF_TEXT.get(head.removeprefix(codecs.BOM_UTF8).lstrip()[:1], "csv")
    if declared == "auto":
        return found
    if "parquet" in {declared, found} and declared != found:
        raise Terminal("format_mismatch", f"The file is not {declared.upper()}.")
    return declared
