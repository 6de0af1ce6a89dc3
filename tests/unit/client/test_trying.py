"""When it is tried again, and for how long: by a clock that the test turns."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from krai.client import Problem
from krai.client.sending import LONGEST_PAUSE_S, Session, Trying, refusal
from krai.client.steps import Answer, Pause


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def pauses(clock: Clock, trying: Trying, most: int = 1000) -> list[float]:
    """How long it pauses, failure after failure, until there is no more patience."""
    found: list[float] = []
    while len(found) < most:
        steps = trying.pause(OSError("down"))
        try:
            step = next(steps)
        except OSError:
            return found
        assert isinstance(step, Pause)
        found.append(step.seconds)
        clock.now_s += step.seconds
        assert next(steps, None) is None
    return found


def test_pauses_grow_until_patience_ends() -> None:
    clock = Clock()
    found = pauses(clock, Trying(Session(patience_s=300, clock=clock)))
    assert 250 < sum(found) <= 300
    assert 0.1 <= found[0] <= 0.2
    assert all(pause <= LONGEST_PAUSE_S for pause in found)
    assert found[6] > 4 * found[2]


def test_progress_brings_patience_back() -> None:
    clock = Clock()
    trying = Trying(Session(patience_s=10, clock=clock))
    assert sum(pauses(clock, trying)) <= 10
    trying.progress()
    assert pauses(clock, trying, most=1)[0] <= 0.2


def test_it_is_not_tried_before_krai_says_so() -> None:
    clock = Clock()
    trying = Trying(Session(patience_s=10, clock=clock))
    assert next(trying.pause(OSError(), at_least_s=7.0)) == Pause(7.0)
    clock.now_s += 7
    with pytest.raises(OSError, match="far"):
        next(trying.pause(OSError("far"), at_least_s=900.0))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("12", 12.0), (None, None), ("soon", None), ("-1", None), ("Mon, 26 Nov 1900 00:00:00 GMT", 0.0)],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert refused({"retry-after": header} if header else {}).retry_after_s == seconds


def test_retry_after_may_be_a_date_to_come() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 50 < (refused({"retry-after": soon}).retry_after_s or 0) <= 60


def refused(headers: dict[str, str]) -> Problem:
    return refusal(Answer(503, headers, b"<html>"))


def test_what_is_between_is_told_apart_from_krai() -> None:
    assert refused({}).code == "http_503"
    assert "does not come from krai" in str(refused({}))
    assert refusal(Answer(599, {}, b"[]")).title == "The answer was 599"
