"""What a file is, by its first bytes."""

import codecs
import re

from krai.errors import Terminal
from krai.formats.compression import MAGIC
from krai.formats.json_lines import was_rejected

_PARQUET = b"PAR1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # what an encrypted workbook is wrapped in
_BINARY = (
    MAGIC,
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
_LOOKED_AT = 16
_LINE_END = re.compile(rb"[\r\n]")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
# What JSON goes on with after its first bracket. A CSV may begin with one: `[id],[name]`.
_BLANKS = rb"[ \t\r\n]*"
_LITERAL = rb"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)(?=[ \t\r\n,\]]|\Z)"
_OF_TEXT = {
    "ndjson": re.compile(_BLANKS + rb"\{" + _BLANKS + rb'(?:["}]|\Z)'),
    "json": re.compile(_BLANKS + rb"\[" + _BLANKS + rb'(?:["{\[\]]|' + _LITERAL + rb"|\Z)"),
}
_MARKUP = (b"<!doctype", b"<html", b"<?xml")


def format_of(head: bytes, declared: str) -> str:
    """`csv`, `json`, `ndjson`, `parquet` or `xlsx`, or `tsv` where that is declared. The rejects of a file that is no text table are NDJSON
    whatever was declared, so that the request that read the file reads them too.

    Raises Terminal encrypted_file, and format_mismatch when the content is not what was declared, or none of them.
    """
    if _is_parquet(head, declared):
        found = "parquet"
    elif head.startswith(_ZIP):
        found = "xlsx"
    elif head.startswith(_OLE):
        raise Terminal("encrypted_file")
    elif head.startswith(_BINARY) or head.lstrip().lower().startswith(_MARKUP):
        raise Terminal("format_mismatch", "The file holds something else than rows of text, Parquet or XLSX.")
    else:
        text = head.removeprefix(codecs.BOM_UTF8)
        found = next((name for name, begins in _OF_TEXT.items() if begins.match(text)), "csv")
    if declared == "auto" or (is_rejects(head) and declared in {"json", "parquet", "xlsx"}):
        return found
    if declared != found and not {"parquet", "xlsx"}.isdisjoint({declared, found}):
        raise Terminal("format_mismatch", f"The file is not {declared.upper()}.")
    return declared


def _is_parquet(head: bytes, declared: str) -> bool:
    """A table of text may begin with the same four letters: it has lines, and after those of Parquet soon comes what no text has."""
    if not head.startswith(_PARQUET) or declared == "parquet":
        return head.startswith(_PARQUET)
    return _CONTROL.search(head[: len(_PARQUET) + _LOOKED_AT]) is not None or (declared == "auto" and _LINE_END.search(head) is None)


def is_rejects(head: bytes) -> bool:
    """True for the rejects of a file that is no text table, mended or not."""
    return was_rejected(head.removeprefix(codecs.BOM_UTF8))
