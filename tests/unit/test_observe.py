"""Traces as W3C Trace Context has them."""

import re

import pytest
import structlog

from krai import observe

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_callers_trace_goes_on_under_a_span_of_our_own() -> None:
    continued = observe.traceparent(f"00-{TRACE}-{SPAN}-01")
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", continued)
    assert SPAN not in continued
    assert observe.trace_of(continued) == {"trace_id": TRACE}


@pytest.mark.parametrize(
    "received",
    [
        None,
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_any_other_header_begins_a_trace(received: str | None) -> None:
    begun = observe.traceparent(received)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", begun)
    assert TRACE not in begun
    assert begun != observe.traceparent(received)


def test_what_is_no_trace_is_not_logged() -> None:
    assert observe.trace_of(None) == observe.trace_of("x") == {}


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("text")
    try:
        secret = "the-" + "secret"
        try:
            len(secret) // 0
        except ZeroDivisionError:
            observe.log().exception("broken")
        said = capsys.readouterr().err
        assert "ZeroDivisionError" in said
        assert "the-secret" not in said
    finally:
        structlog.reset_defaults()
