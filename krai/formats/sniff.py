"""What a file is, by its first bytes."""

import codecs

from krai.errors import Terminal
from krai.formats.compression import MAGIC
from krai.formats.json_lines import was_rejected

_PARQUET = b"PAR1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what an encrypted workbook is wrapped in
_BINARY = (
    MAGIC,
    _PARQUET,
    b"\x89PNG",
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
    """`csv`, `json`, `ndjson`, `parquet` or `xlsx`, or `tsv` where that is declared. The rejects of a file that is no text table are NDJSON
    whatever was declared, so that the request that read the file reads them too.

    Raises Terminal encrypted_file, and format_mismatch when the content is not what was declared, or none of them.
    """
    if head.startswith(_PARQUET):
        found = "parquet"
    elif head.startswith(_ZIP):
        found = "xlsx"
    elif head.startswith(_OLE):
        raise Terminal("encrypted_file")
    elif head.startswith(_BINARY) or head.lstrip().lower().startswith(_MARKUP):
        raise Terminal("format_mismatch", "The file holds something else than rows of text, Parquet or XLSX.")
    else:
        found = _OF_TEXT.get(head.removeprefix(codecs.BOM_UTF8).lstrip()[:1], "csv")
    if declared == "auto" or (is_rejects(head) and declared in {"json", "parquet", "xlsx"}):
        return found
    if declared != found and not {"parquet", "xlsx"}.isdisjoint({declared, found}):
        raise Terminal("format_mismatch", f"The file is not {declared.upper()}.")
    return declared


def is_rejects(head: bytes) -> bool:
    """True for the rejects of a file that is no text table, mended or not."""
    return was_rejected(head.removeprefix(codecs.BOM_UTF8))
