"""Whose turn it is. Each caller has a share of the queue: so many of its jobs are out, which is to say that a worker was told of
them or has them. Jobs beyond that are held until one that is out has finished. So whoever comes later waits behind no more than a
share of each other caller.

All of it is compare-and-set: of two who release the same job one is refused, and the job is out once.

A crash between a job's end and the next one's turn, or between the turn and its message, costs time: the sweep finds both.
"""

from krai import failpoint, observe, transitions
from krai.errors import Conflict, Transient
from krai.ports import Stores


async def fill(stores: Stores, created_by: str, share: int | None) -> int:
    """Release the caller's held jobs, oldest first, until its share is out; returns how many. None: all of them.

    Raises Transient; a job that was released before its message failed is due.
    """
    released = 0
    while (job := await stores.jobs.oldest_held(created_by)) is not None:
        # Counted after the look: what somebody else has released since is counted, or it is this very job, and ours is refused.
        room = None if share is None else share - (await stores.jobs.standing(created_by)).out
        if room is not None and room <= 0:
            break
        try:
            out = await stores.jobs.swap(job, transitions.release(job, stores.jobs.now()))
        except Conflict:
            continue
        failpoint.reach("after_release")
        await stores.queue.publish(out)
        released += 1
        if room == 1:
            break
    return released


async def fill_all(stores: Stores, share: int | None) -> None:
    """Do so for every caller who has a held job. When nobody has, it is one read."""
    for created_by in await stores.jobs.held_callers():
        try:
            await fill(stores, created_by, share)
        except Transient as error:
            observe.log().warning("held jobs not released", code=error.code)  # the next sweep looks again
