"""Work on many pieces by a few threads, with the results in the order of the pieces and no more of them in memory than needed."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

THREADS = 2
_END = object()


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
