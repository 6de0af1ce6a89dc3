"""Whether downloaded files are those that a manifest lists, and whether the manifest is krai's. Works offline."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c

from krai import signature

_READ_BYTES = 1 << 20
_PLAIN_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")
OK, MISSING, WRONG, PARTIAL = "ok", "missing", "wrong", "partial"


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` of a file is one of OK, MISSING, WRONG; `detail` says what is wrong, or what was found.

    A manifest is PARTIAL, besides, when its files have not all rows of the dataset, which is no fault of theirs.
    """

    name: str
    state: str
    detail: str


def check(manifest: Path, keys: Sequence[Mapping[str, Any]], folder: Path) -> Iterator[Finding]:
    """The manifest first, then each file that it lists, in `folder`. Raises OSError when the manifest cannot be read."""
    content = manifest.read_bytes()
    yield _signed(manifest, content, keys)
    try:
        said = json.loads(content)
        files = [(str(file["name"]), file) for file in said["files"]]
        left_out = [why for why, is_so in _left_out(said) if is_so]
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Finding(manifest.name, WRONG, "This is no manifest of krai.")
        return
    if left_out:
        yield Finding(manifest.name, PARTIAL, " ".join(left_out))
    for name, file in files:
        yield _file(name, file, folder)


def _left_out(said: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Why rows may not be in the files, and whether the manifest says so."""
    request = said.get("request") or {}
    yield "The export is not complete: its limit or its size left rows out.", said.get("complete") is False
    yield "It has only the rows that pass the filter of its request.", request.get("filter") is not None


def _signed(manifest: Path, content: bytes, keys: Sequence[Mapping[str, Any]]) -> Finding:
    beside = manifest.with_name(f"{manifest.name}.jws")
    if not beside.is_file():
        return Finding(beside.name, MISSING, "Download it from manifest_signature_url, to the folder of the manifest.")
    try:
        return Finding(manifest.name, OK, f"signed with {signature.verify(content, beside.read_text(encoding='utf-8'), keys)}")
    except (signature.BadSignature, UnicodeDecodeError) as bad:
        return Finding(manifest.name, WRONG, str(bad) if isinstance(bad, signature.BadSignature) else "The signature file cannot be read.")


def _file(name: str, listed: Any, folder: Path) -> Finding:
    # Of a manifest that nobody has signed: it leads nowhere but into the folder.
    if not _PLAIN_NAME.fullmatch(name) or name in {".", ".."}:
        return Finding(re.sub(r"[\x00-\x1f\x7f]", "?", name), WRONG, "This is no name of a file.")
    path = folder / name
    if not path.is_file():
        return Finding(name, MISSING, "")
    sha256, crc32c, size_bytes = hashlib.sha256(), 0, 0
    with path.open("rb") as file:
        while data := file.read(_READ_BYTES):
            sha256.update(data)
            crc32c = google_crc32c.extend(crc32c, data)
            size_bytes += len(data)
    found = {
        "size_bytes": size_bytes,
        "sha256": sha256.hexdigest(),
        "crc32c": base64.b64encode(crc32c.to_bytes(4, "big")).decode(),
    }
    wrong = [what for what, value in found.items() if listed.get(what) != value]
    return Finding(name, WRONG, f"other {', '.join(wrong)} than listed") if wrong else Finding(name, OK, f"{size_bytes:,} bytes")
