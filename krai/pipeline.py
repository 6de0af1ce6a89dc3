"""Work on many pieces by a few threads, with the results in the order of the pieces and no more of them in memory than needed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from threading import Condition, Event, Lock
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

THREADS = 2
_END = object()


def in_turns(work: Callable[[Piece], Result], take: Callable[[Result], bool], pieces: Iterable[Piece], *, threads: int = THREADS) -> None:
    """`take` the `work` of each piece, in order and one at a time, until it says False or there are no more.

    The threads that work on the pieces also make and take them: no other is in their way, and each holds one piece. An error, also one of
    making a piece, comes out in its place, and nothing is taken after it.
    """
    source, numbers = iter(pieces), count()
    making, turns = Lock(), _Turns()

    def tried(turn: int, call: Callable[..., Any], *args: Any) -> Any:
        """An error waits for its turn, and is none when that does not come."""
        try:
            return call(*args)
        except BaseException:  # raised in its turn, by whoever waits for the threads
            if turns.come(turn):
                raise
            return _END

    def one() -> bool:
        """A piece from its making to its taking; False when there is no other to begin."""
        with making:
            turn = next(numbers)
            piece: Any = _END if turns.over else tried(turn, next, source, _END)
        result: Any = _END if piece is _END else tried(turn, work, piece)
        del piece
        more = turns.come(turn) and result is not _END and take(result)
        turns.pass_on()
        return more

    def serve() -> None:
        try:
            while one():
                pass
        finally:
            turns.end()

    with ThreadPoolExecutor(threads, thread_name_prefix="transfer") as pool:
        try:
            for served in [pool.submit(serve) for _ in range(threads)]:
                served.result()
        finally:
            turns.end()


class _Turns:
    """One after the other, from 0 on, until they are `over`."""

    def __init__(self) -> None:
        self.over = False
        self._now = 0
        self._changed = Condition()

    def come(self, turn: int) -> bool:
        """Wait for it; False when it does not come any more."""
        with self._changed:
            self._changed.wait_for(lambda: self.over or self._now == turn)
            return not self.over

    def pass_on(self) -> None:
        with self._changed:
            self._now += 1
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self.over = True
            self._changed.notify_all()


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece], *, ahead: int, threads: int = THREADS) -> Generator[Result]:
    """`work` of each piece, in order. At most `ahead` pieces are under way or done and not yet taken: more of them keep the threads
    busy while the caller is slow, fewer need less memory.

    The pieces are made by the same threads, one at a time and in order, each by the thread that will work on it. An error, also one of
    making a piece, comes out in its place.
    """
    source = iter(pieces)

    def step(mine: Event, following: Event) -> Result | object:
        mine.wait()
        try:
            piece = next(source, _END)
        finally:
            following.set()
        return _END if piece is _END else work(piece)  # type: ignore[arg-type]  # _END is no piece

    with ThreadPoolExecutor(threads, thread_name_prefix="transfer") as pool:
        under_way: deque[Future[Result | object]] = deque()
        turn = Event()
        turn.set()
        try:
            while True:
                while len(under_way) < ahead:
                    mine, turn = turn, Event()
                    under_way.append(pool.submit(step, mine, turn))
                result = under_way.popleft().result()
                if result is _END:
                    return
                yield result  # type: ignore[misc]  # _END alone is no result
        finally:
            # The last one first: one whose turn never came would be waited for by all that have begun after it.
            for future in reversed(under_way):
                future.cancel()
