"""How rows that were written apart are read together."""

import pytest

from krai.warehouse.selecting import ranges

SMALL, LARGE = 1000, 3 << 20
ROWS = 10


def written(*sizes: int) -> list[tuple[int, int, int]]:
    return [(place * ROWS, ROWS, size_bytes) for place, size_bytes in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([SMALL], [(0, 10)]),
        ([LARGE], [(0, 10)]),
        ([SMALL, SMALL, SMALL], [(0, 30)]),
        ([LARGE, LARGE], [(0, 10), (10, 20)]),
        ([SMALL, LARGE, SMALL, SMALL], [(0, 10), (10, 20), (20, 40)]),
        ([1 << 19, 1 << 19, 1], [(0, 20), (20, 30)]),
    ],
)
def test_small_ones_are_put_together_and_large_ones_stay(sizes: list[int], expected: list[tuple[int, int]]) -> None:
    assert list(ranges(written(*sizes), len(sizes) * ROWS)) == expected


@pytest.mark.parametrize(
    ("end_row", "expected"), [(0, []), (1, [(0, 1)]), (10, [(0, 10)]), (11, [(0, 10), (10, 11)]), (20, [(0, 10), (10, 20)])]
)
def test_they_end_where_the_snapshot_does(end_row: int, expected: list[tuple[int, int]]) -> None:
    assert list(ranges(written(LARGE, LARGE), end_row)) == expected
