"""What was read of files that never change, kept for the jobs that come next: a child runs many."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """The `size` values that were asked for last, by the location they were read from. For several threads at once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[str, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, location: str, read: Callable[[], V]) -> V:
        with self._lock:
            if location in self._kept:
                self._kept.move_to_end(location)
                return self._kept[location]
        return self.put(location, read())

    def put(self, location: str, value: V) -> V:
        with self._lock:
            self._kept[location] = value
            self._kept.move_to_end(location)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return value
