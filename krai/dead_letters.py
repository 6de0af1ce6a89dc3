"""Empty the dead-letter queue: say what lay in it, and end the jobs that nobody would wake any more.

A message gets there when a worker buries it, because it leads to no job, or when the broker has delivered it too often. Every sweep of
every worker looks; what was written to a job is compare-and-set, and a message that was not settled comes again.
"""

from functools import partial

from krai import metrics, observe, transitions
from krai.errors import Conflict, KraiError, Terminal
from krai.job import Job, Status
from krai.ports import Delivery, Stores
from krai.webhooks import endings

AT_ONCE = 100


async def settle_dead_letters(stores: Stores, *, keep_files_s: float) -> int:
    """Settle what lies in the dead-letter queue; returns how many messages that were."""
    settled = 0
    for delivery in await stores.queue.pull_buried(AT_ONCE):
        try:
            await _settle(delivery, stores, keep_files_s)
            await stores.queue.ack(delivery)
            settled += 1
        except Conflict:
            continue  # somebody works on the job: the next look will tell
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one: it comes again, and the others are settled
            observe.log().warning("dead letter not settled", error=type(error).__name__, exc_info=not isinstance(error, KraiError))
    return settled


async def _settle(delivery: Delivery, stores: Stores, keep_files_s: float) -> None:
    # Neither the body nor the id of an unknown job is logged: anybody who may publish could have written them.
    if delivery.job_id is None:
        observe.log().error("dead letter", reason="no message of a version known here")
        metrics.dead_letter("unreadable")
        return
    job = await stores.jobs.get(delivery.job_id)
    if job is None:
        observe.log().error("dead letter", reason="no such job")
        metrics.dead_letter("no_such_job")
    elif job.finished:
        observe.log().info("dead letter", reason="the job has finished", job_id=job.job_id, status=job.status)
        metrics.dead_letter("finished")
    elif _is_looked_after(job, stores):
        observe.log().warning("dead letter", reason="the job is looked after", job_id=job.job_id, status=job.status)
        metrics.dead_letter("looked_after")
    else:
        # What it left stays until the sweep removes it with the job's other files: a worker may be claiming it right now.
        error = Terminal("dead_lettered")
        await endings.swap(stores, job, partial(transitions.fail, error=error, now=stores.jobs.now(), keep_s=keep_files_s))
        observe.log().error("job failed", code=error.code, job_id=job.job_id, attempt=job.attempt)
        metrics.dead_letter("failed")


def _is_looked_after(job: Job, stores: Stores) -> bool:
    """True when the job's owner or the sweep will end it, in a way that must not be anticipated here.

    A job that may have committed ends by what stands in the dataset, which only another attempt can tell; a cancel ends CANCELLED.
    """
    under_lease = job.status is Status.PROCESSING and not transitions.claimable(job, stores.jobs.now())
    return under_lease or job.may_have_committed or job.cancel_requested
