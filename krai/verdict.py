"""What becomes of a wake-up message once its job was looked at."""

from typing import NamedTuple


class Ack(NamedTuple):
    """The job is finished or not ours to run: the message is done with."""


class Delay(NamedTuple):
    """The job must be looked at again after `seconds`."""

    seconds: float


class Later(NamedTuple):
    """A store does not answer: the job must be looked at again, later each time. The sweep wakes a worker once it answers again."""


class Bury(NamedTuple):
    """The message will never lead to a job."""

    reason: str


Verdict = Ack | Delay | Later | Bury
