"""Base64url as RFC 7515 has it: one way to write each value."""

import base64
import re

_ALPHABET = re.compile(rb"[A-Za-z0-9_-]*")


def decode(text: bytes) -> bytes:
    """Raises ValueError for padding, other characters, and bits that stand for nothing."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    value = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(value).rstrip(b"=") != text:
        raise ValueError("not the shortest base64url")
    return value
