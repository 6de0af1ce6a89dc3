"""A server's time between its answers."""

from datetime import UTC, datetime, timedelta

import pytest

from krai.backends.google.clock import ServerClock

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Seconds:
    """This machine's monotonic clock, and the server's that began with it at noon."""

    def __init__(self) -> None:
        self.passed = 1000.0

    def __call__(self) -> float:
        return self.passed

    def answer(self, told: ServerClock, *, delay_s: float) -> None:
        """The server says its time, and it takes this long to arrive."""
        moment = self.true
        self.passed += delay_s
        told.see(moment)

    @property
    def true(self) -> datetime:
        return NOON + timedelta(seconds=self.passed - 1000)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Seconds:
    seconds = Seconds()
    monkeypatch.setattr("krai.backends.google.clock.time.monotonic", seconds)
    return seconds


def test_time_goes_on_between_answers(seconds: Seconds) -> None:
    told = ServerClock()
    seconds.answer(told, delay_s=0)
    seconds.passed += 25.5
    assert told.now() == seconds.true


def test_the_fastest_answer_counts(seconds: Seconds) -> None:
    told = ServerClock()
    for delay_s in (2.0, 0.25, 3.0, 0.5):
        seconds.answer(told, delay_s=delay_s)
    assert told.now() == seconds.true - timedelta(seconds=0.25)


def test_an_old_answer_counts_no_more(seconds: Seconds) -> None:
    told = ServerClock()
    told.see(seconds.true + timedelta(seconds=7))  # as if the two had drifted apart since
    seconds.passed += 59
    seconds.answer(told, delay_s=0)
    assert told.now() == seconds.true + timedelta(seconds=7)
    seconds.passed += 2
    seconds.answer(told, delay_s=0)
    assert told.now() == seconds.true


def test_a_machine_that_slept_is_put_right_by_the_next_answer(seconds: Seconds) -> None:
    told = ServerClock()
    seconds.answer(told, delay_s=0)
    told.see(seconds.true + timedelta(hours=1))
    assert told.now() == seconds.true + timedelta(hours=1)


def test_nobody_is_told_a_time_that_was_never_asked_for() -> None:
    with pytest.raises(RuntimeError):
        ServerClock().now()
