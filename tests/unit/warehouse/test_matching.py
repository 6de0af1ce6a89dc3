import re
from itertools import product

import pyarrow as pa

from krai.predicate.tree import Like
from krai.warehouse.matching import matching

TOKENS = {"%": ".*", "_": ".", r"\\": re.escape("\\"), r"\%": "%", r"\_": "_", "a": "a", "ä": "ä"}
LETTERS = ("", "\\", "%", "_", "a", "ä", "\n")
CELLS = sorted({"".join(letters) for letters in product(LETTERS, repeat=3)})


def test_patterns_of_like_mean_what_sql_says_whatever_they_begin_and_end_with() -> None:
    table = pa.table({"s": [*CELLS, None]})
    for tokens in (tokens for length in range(4) for tokens in product(TOKENS, repeat=length)):
        expression = re.compile("".join(TOKENS[token] for token in tokens), re.DOTALL)
        expected = [expression.fullmatch(cell) is not None for cell in CELLS]
        assert matching(Like("s", "".join(tokens)), table).to_pylist() == [*expected, False], tokens
