import time

from krai.known import MOST_KEPT, Known


def test_a_value_is_known_for_as_long_as_one_asks() -> None:
    known: Known[str] = Known()
    now = time.monotonic()
    known.put("a", "old", now - 10)
    assert known.get("a", 1) is None
    assert known.get("a", 60) == "old"
    known.put("a", "new", now)
    assert known.get("a", 1) == "new"
    assert known.get("b", 60) is None
    known.forget("a")
    known.forget("a")
    assert known.get("a", 60) is None


def test_what_was_read_longest_ago_makes_room() -> None:
    known: Known[int] = Known()
    for number in range(MOST_KEPT + 1):
        known.put(str(number), number, time.monotonic())
    assert known.get("0", 60) is None
    assert known.get("1", 60) == 1
