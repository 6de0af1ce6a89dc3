"""The encodings of text that a file may be in: those that Python knows."""

import codecs

UTF_8 = "utf-8"
# Encodings of Python's own source, of names of hosts, and one in which the same text can be spelled in several ways.
_REFUSED = {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined", "utf-7"}


def find_encoding(name: str) -> str | None:
    """The one name of an encoding that may go by several, None when there is none."""
    try:
        "".encode(name)  # refuses the codecs that make bytes of bytes, or text of text
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    canonical = found.name.replace("_", "-")
    if canonical in _REFUSED or found.incrementaldecoder is None:
        return None
    return UTF_8 if canonical == "utf-8-sig" else canonical
