"""Patterns of LIKE as regular expressions."""

import re

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")


def regular_expression(pattern: str) -> str:
    """A pattern of `Like` as RE2 reads it; it is to fit the whole text."""
    written = []
    letters = iter(pattern)
    for letter in letters:
        if letter == "\\":
            written.append(_SPECIAL.sub(r"\\\g<0>", next(letters)))
        else:
            written.append({"%": ".*", "_": "."}.get(letter) or _SPECIAL.sub(r"\\\g<0>", letter))
    return f"^(?s:{''.join(written)})$"
