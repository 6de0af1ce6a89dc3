"""Text that a spreadsheet would take for a formula, made harmless and back again.

What OWASP lists under CSV injection: a cell that begins with = + - @, a tab or a line break, also in full width, and also behind blanks
and quotes, which some programs skip. Such a cell gets a `'` before it. One that has such a `'` already gets another, for it is
dangerous by the same rule; so taking one away gives the cell as it was, whatever it was.
"""

import pyarrow as pa
import pyarrow.compute as pc

_SKIPPED = r"[ \"'\x{0b}\x{0c}\x{a0}\x{1680}\x{2000}-\x{200f}\x{2018}-\x{201f}\x{2028}-\x{202f}\x{205f}-\x{206f}\x{3000}\x{feff}]*"
_STARTS = r"[=+\-@\t\r\n\x{2212}\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}]"
_DANGEROUS = f"^{_SKIPPED}{_STARTS}"
_QUOTED = f"^'{_SKIPPED}{_STARTS}"


def dangerous(text: pa.Array) -> pa.Array:
    """True where a cell would be taken for a formula, null where it is null."""
    return pc.match_substring_regex(text, _DANGEROUS)


def defuse(text: pa.Array) -> tuple[pa.Array, int]:
    """The cells as a spreadsheet may have them, and how many are not as they were."""
    found = dangerous(text)
    count = pc.sum(found).as_py() or 0
    if not count:
        return text, 0
    return pc.if_else(found, pc.binary_join_element_wise("'", text, ""), text), count


def restore(text: pa.Array) -> pa.Array:
    """The cells as they were before `defuse`."""
    found = pc.match_substring_regex(text, _QUOTED)
    if not pc.any(found).as_py():
        return text
    return pc.if_else(found, pc.utf8_slice_codeunits(text, 1), text)
