"""The time of a server, told between its answers: this machine's clock may be wrong by an hour and nobody would know."""

import time
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FRESH_S = 60.0


def microseconds(moment: datetime) -> int:
    """Since 1970."""
    return (moment - EPOCH) // timedelta(microseconds=1)


class ServerClock:
    """Counts on from the latest time seen, by the monotonic clock.

    An answer takes its time to arrive, so this clock is behind the server's by as much, and leases seem to run a little longer
    than they do. The answer that came fastest is the best sample; after a minute the next one is taken whatever it says, for the
    two clocks do not run alike.
    """

    def __init__(self) -> None:
        self._seen_at: datetime | None = None
        self._seen_s = 0.0

    def see(self, moment: datetime) -> None:
        """An answer of this server time has just arrived."""
        moment = EPOCH + timedelta(microseconds=microseconds(moment))
        now_s = time.monotonic()
        if self._seen_at is None or now_s - self._seen_s > FRESH_S or moment > self.now():
            self._seen_at, self._seen_s = moment, now_s

    def now(self) -> datetime:
        if self._seen_at is None:
            message = "the server has not been asked yet"
            raise RuntimeError(message)
        return self._seen_at + timedelta(seconds=time.monotonic() - self._seen_s)
