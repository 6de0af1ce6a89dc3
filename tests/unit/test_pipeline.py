"""Pieces are made one after the other and worked on side by side; what comes out is in their order, errors too."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from krai.pipeline import in_order, in_turns


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


@pytest.mark.parametrize("count", [0, 1, 2, 50])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_pieces_are_taken_in_their_order_one_at_a_time(count: int, threads: int) -> None:
    pieces, taking = Pieces(count), threading.Lock()
    taken: list[int] = []

    def take(result: int) -> bool:
        assert taking.acquire(blocking=False)
        threading.Event().wait(0.002 if result % 3 else 0)
        taken.append(result)
        taking.release()
        return True

    in_turns(lambda piece: piece * 2, take, pieces, threads=threads)
    assert taken == [number * 2 for number in range(count)]
    assert pieces.most <= 1


def test_pieces_are_worked_on_side_by_side() -> None:
    together = threading.Barrier(2)
    in_turns(lambda _: together.wait(30), lambda _: True, range(2))


def test_each_thread_holds_one_piece() -> None:
    pieces = Pieces(50)
    taken: list[int] = []

    def take(result: int) -> bool:
        assert pieces.made <= len(taken) + 3
        taken.append(result)
        return True

    in_turns(lambda piece: piece, take, pieces, threads=3)
    assert len(taken) == 50


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("where", ["making", "work", "take"])
def test_an_error_comes_when_all_before_it_was_taken(where: str, threads: int) -> None:
    taken: list[int] = []

    def work(piece: int) -> int:
        if where == "work" and piece >= 20:  # those after it fail as well, and are not what is heard of
            raise LookupError(piece)
        threading.Event().wait(0.002)
        return piece

    def take(result: int) -> bool:
        if where == "take" and result == 20:
            raise LookupError(result)
        taken.append(result)
        return True

    with pytest.raises(LookupError) as raised:
        in_turns(work, take, Pieces(50, broken_at=20 if where == "making" else None), threads=threads)
    assert taken == list(range(20))
    assert raised.value.args == (() if where == "making" else (20,))


def test_nothing_is_taken_after_what_was_enough() -> None:
    pieces = Pieces(10_000)
    taken: list[int] = []

    def take(result: int) -> bool:
        taken.append(result)
        return result < 7

    in_turns(lambda piece: piece, take, pieces, threads=4)
    assert taken == list(range(8))
    assert pieces.made <= 8 + 4
