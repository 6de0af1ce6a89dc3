"""Work on many pieces by a few threads, with the results in the order of the pieces and no more of them in memory than needed."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

THREADS = 2


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece], *, ahead: int, threads: int = THREADS) -> Iterator[Result]:
    """`work` of each piece, in order. At most `ahead` pieces are under way or done and not yet taken: more of them keep the threads
    busy while the caller is slow, fewer need less memory.

    The pieces are made by the caller's thread, one whenever it takes a result. An error of a piece comes out in its place.
    """
    source = iter(pieces)
    with ThreadPoolExecutor(threads, thread_name_prefix="transfer") as pool:
        under_way: deque[Future[Result]] = deque()
        try:
            for piece in source:
                under_way.append(pool.submit(work, piece))
                if len(under_way) == ahead:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
