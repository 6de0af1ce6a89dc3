"""Text that a spreadsheet would take for a formula, made harmless and back again.

Such a cell gets a `'` before it. One that has such a `'` already gets another, for it is dangerous by the same rule; so taking one away
gives the cell as it was, whatever it was.
"""

import pyarrow as pa
import pyarrow.compute as pc

from krai.formula import FORMULA, QUOTED_FORMULA


def dangerous(text: pa.Array) -> pa.Array:
    """True where a cell would be taken for a formula, null where it is null."""
    return pc.match_substring_regex(text, FORMULA)


def defuse(text: pa.Array) -> tuple[pa.Array, int]:
    """The cells as a spreadsheet may have them, and how many are not as they were."""
    found = dangerous(text)
    count = pc.sum(found).as_py() or 0
    if not count:
        return text, 0
    return pc.if_else(found, pc.binary_join_element_wise("'", text, ""), text), count


def restore(text: pa.Array) -> pa.Array:
    """The cells as they were before `defuse`."""
    found = pc.match_substring_regex(text, QUOTED_FORMULA)
    if not pc.any(found).as_py():
        return text
    return pc.if_else(found, pc.utf8_slice_codeunits(text, 1), text)
