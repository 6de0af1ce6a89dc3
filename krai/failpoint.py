"""Named places where a test can make the process die, to hit the moments between two stores.

`KRAI_FAIL=after_upload` kills the worker, children included, when it gets there. Without the variable a failpoint costs one
comparison.
"""

import os
import signal
from dataclasses import dataclass

NAMES = frozenset(
    {
        "after_create",  # the job is stored, nobody was told
        "after_publish",  # the message is out, the caller not answered
        "after_claim",  # the job is taken, nothing done
        "after_stage",  # a part lies in the bucket, BigQuery was not told
        "after_extract",  # rows lie in the bucket, nobody has read them
        "after_upload",  # the files are stored, the job does not know
        "after_copy",  # the rows of a part are in the database, it is not written down that there are all of them
        "before_commit",  # the parts are written, the table does not know
        "during_commit",  # the tables are changed, the transaction has not ended
        "after_commit",  # the table has the rows, the job does not know
        "before_finish",  # the outcome is known, not written
        "after_finish",  # the job is finished, the message not acked
        "before_callback",  # the job is finished, its receiver not told
        "after_callback",  # the receiver was told, the job does not know
        "after_release",  # a held job's turn has come, nobody was told
    }
)


@dataclass(slots=True)
class _Armed:
    name: str | None = None
    worker_pid: int | None = None


_armed = _Armed()


def arm(name: str | None, *, worker_pid: int | None = None) -> None:
    """Die at `name`; a child names its worker's pid, which dies with it."""
    _armed.name = name
    _armed.worker_pid = worker_pid


def reach(name: str) -> None:
    if _armed.name != name:
        return
    if _armed.worker_pid is not None:
        os.kill(_armed.worker_pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
