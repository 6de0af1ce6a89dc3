"""What was read a moment ago, for those to whom a moment does not matter."""

import time
from collections import OrderedDict
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

    def forget(self, name: str) -> None:
        self._kept.pop(name, None)
