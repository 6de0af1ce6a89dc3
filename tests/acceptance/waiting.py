"""The one place where tests wait: for a condition with a name, never for time to pass."""

import time
from collections.abc import Callable
from typing import TypeVar

Seen = TypeVar("Seen")

LOOK_EVERY_S = 0.02


def until(what: str, look: Callable[[], Seen], *, within_s: float) -> Seen:
    """What `look` returns as soon as it is true. Raises AssertionError naming `what` after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() >= deadline:
            message = f"not within {within_s:g} s: {what}; last seen: {seen!r}"
            raise AssertionError(message)
        time.sleep(LOOK_EVERY_S)
