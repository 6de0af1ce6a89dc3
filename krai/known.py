"""What was read a moment ago, for those to whom a moment does not matter."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

MOST_KEPT = 1000

T = TypeVar("T")


class Known(Generic[T]):
    """Values by name, with the time at which each was read."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def put(self, name: str, value: T, read_at: float) -> None:
        """`read_at`: by the monotonic clock, before the read was begun."""
        self._kept[name] = read_at, value
        self._kept.move_to_end(name)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def get(self, name: str, max_age_s: float) -> T | None:
        read_at, value = self._kept.get(name, (0.0, None))
        return value if time.monotonic() - read_at <= max_age_s else None

    async def look(self, name: str, max_age_s: float, read: Callable[[], Awaitable[T | None]]) -> T | None:
        """The value, if it was read within the last `max_age_s`, and otherwise what `read` finds now."""
        if max_age_s and (known := self.get(name, max_age_s)) is not None:
            return known
        read_at = time.monotonic()
        found = await read()
        if found is not None:
            self.put(name, found, read_at)
        return found

    def forget(self, name: str) -> None:
        self._kept.pop(name, None)
