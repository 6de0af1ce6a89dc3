"""What becomes of a wake-up message once its job was looked at."""

from typing import NamedTuple

LOOK_AGAIN_S = 5.0


class Ack(NamedTuple):
    """The job is finished or not ours to run: the message is done with."""


class Delay(NamedTuple):
    """The job must be looked at again after `seconds`."""

    seconds: float


class Bury(NamedTuple):
    """The message will never lead to a job."""

    reason: str


Verdict = Ack | Delay | Bury
