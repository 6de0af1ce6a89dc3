"""Events out of bytes, however they are cut."""

import pytest

from krai.client.sse import LARGEST_BYTES, Event, Events

TEXT = b": still here\n\nevent: job\nid: 4\ndata: {\ndata: }\n\nid: 5\r\ndata:x\r\n\r\ndata: y\rid: 6\r\r: end\n"
EXPECTED = [Event("job", "{\n}"), Event("message", "x"), Event("message", "y")]


@pytest.mark.parametrize("piece_bytes", [1, 2, 3, 7, 1000])
def test_events_are_the_same_however_they_come(piece_bytes: int) -> None:
    events = Events()
    found = [event for at in range(0, len(TEXT), piece_bytes) for event in events.feed(TEXT[at : at + piece_bytes])]
    assert found == EXPECTED
    assert events.last_id == "6"


def test_what_was_half_read_is_no_event() -> None:
    events = Events()
    assert list(events.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n")) == [Event("message", "a")]
    events.broken_off()
    assert events.last_id == "1"
    assert list(events.feed(b"data: c\n\n")) == [Event("message", "c")]
    assert events.last_id == "1"


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(ValueError, match="does not end"):
        list(Events().feed(b"data: " + b"x" * LARGEST_BYTES))
