"""Pieces are made one after the other and worked on side by side; what comes out is in their order, errors too."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from krai.pipeline import in_order


class Pieces:
    """Numbers from 0 on. `most` is how many threads were ever making one at once."""

    def __init__(self, count: int, *, broken_at: int | None = None) -> None:
        self.made = 0
        self.most = 0
        self._making = 0
        self._count = count
        self._broken_at = broken_at

    def __iter__(self) -> Iterator[int]:
        for number in range(self._count):
            self._making += 1
            self.most = max(self.most, self._making)
            threading.Event().wait(0.001)
            self._making -= 1
            if number == self._broken_at:
                raise LookupError
            self.made += 1
            yield number


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (2, 3), (4, 9)])
def test_in_the_order_of_the_pieces(count: int, threads: int, ahead: int) -> None:
    pieces = Pieces(count)
    assert list(in_order(lambda piece: piece * 2, pieces, ahead=ahead, threads=threads)) == [number * 2 for number in range(count)]
    assert pieces.most <= 1


def test_no_more_pieces_than_asked_for() -> None:
    pieces = Pieces(50)
    results = in_order(lambda piece: piece, pieces, ahead=3)
    for taken, result in enumerate(results):
        assert result == taken
        assert pieces.made <= taken + 3


@pytest.mark.parametrize("making", [True, False])
def test_an_error_comes_in_its_place(making: bool) -> None:  # noqa: FBT001 (a case)
    def work(piece: int) -> int:
        if piece == 20 and not making:
            raise LookupError
        return piece

    results = in_order(work, Pieces(50, broken_at=20 if making else None), ahead=4)
    assert [next(results) for _ in range(20)] == list(range(20))
    with pytest.raises(LookupError):
        next(results)


@pytest.mark.parametrize("taken", range(5))
def test_whoever_stops_early_waits_for_nothing(taken: int) -> None:
    pieces = Pieces(10_000)
    with closing(in_order(lambda piece: piece, pieces, ahead=9)) as results:
        for _ in range(taken):
            next(results)
    assert pieces.made <= taken + 9
