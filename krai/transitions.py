"""What may become of a job, without any I/O.

    PENDING ──claim──▶ PROCESSING ──complete──▶ COMPLETED
       │  ▲               │  │  └────fail─────▶ FAILED
       │  └─postpone──────┘  │
       │    hand_back        └──cancel (once asked for)──▶ CANCELLED
       └──────────────cancel──────────────────▶ CANCELLED

Every transition takes the job as it was read and gives the job to write. The store writes it only when the stored job is still
the one that was read (compare-and-set on `revision`), so of two racing transitions one is refused. A state in `FINISHED` never
changes again. `epoch` counts claims: whatever a worker writes carries the epoch of its claim, and only grows.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from krai.errors import KraiError, Terminal
from krai.job import WRITERS, Callback, Job, Kind, Outcome, Progress, Stage, Standing, Status, Tried, new_id

# A job that was accepted but never claimed is looked at after this time: its wake-up message may have been lost.
REPUBLISH_AFTER_S, LONGEST_REPUBLISH_S = 30, 600
CRASHES_ALLOWED = 2
DELETED_SEEN_S = 60.0  # so long a deleted job, which no reader sees, can still be found among what has changed
# So long after its end what an import has written stays, once its commit was allowed: a process that stood still in the midst of it, or a
# call that was long on its way, may yet put a snapshot on these files.
COMMITS_COME_LATE_S = 86_400.0
ATTEMPTS_TO_SETTLE = 300  # about a day, at the longest back-off
MOST_TRIES = 20  # that a job remembers


def new(
    kind: Kind,
    dataset: str,
    params: dict[str, Any],
    *,
    created_by: str,
    now: datetime,
    tenant: str | None = None,
    source: dict[str, Any] | None = None,
    labels: dict[str, str] | None = None,
    description: str = "",
    max_attempts: int = 5,
    parent_job_id: str | None = None,
    callback: Callback | None = None,
) -> Job:
    return Job(
        job_id=new_id(),
        type=kind,
        dataset=dataset,
        params=params,
        source=source,
        created_by=created_by,
        tenant=tenant,
        created_at=now,
        updated_at=now,
        labels=labels or {},
        description=description,
        max_attempts=max_attempts,
        parent_job_id=parent_job_id,
        callback=callback,
        due_at=now + timedelta(seconds=REPUBLISH_AFTER_S),
    )


def claimable(job: Job, now: datetime) -> bool:
    """True when a worker may take the job: it waits and its back-off is over, or its last owner's lease has run out."""
    if job.status is Status.PENDING:
        return job.run_after is None or job.run_after <= now
    return job.status is Status.PROCESSING and (job.lease_until is None or job.lease_until <= now)


def claim(job: Job, owner: str, now: datetime, lease_s: float) -> Job:
    """Take the job for `owner` until `now + lease_s`: a new epoch and a new attempt that starts from nothing."""
    until = now + timedelta(seconds=lease_s)
    begun = Tried(number=job.attempt + 1, worker=owner.partition("/")[0], started_at=now)
    return replace(
        job,
        status=Status.PROCESSING,
        held=False,
        epoch=job.epoch + 1,
        attempt=job.attempt + 1,
        tries=(*lose(job).tries, begun)[-MOST_TRIES:],
        lease_owner=owner,
        lease_until=until,
        due_at=until,
        run_after=None,
        progress=Progress(),
        started_at=job.started_at or now,
        updated_at=now,
    )


def beat(job: Job, now: datetime, lease_s: float, progress: Progress) -> Job:
    """Renew the lease and show how far the attempt has come."""
    until = now + timedelta(seconds=lease_s)
    return replace(job, lease_until=until, due_at=until, progress=progress, updated_at=now)


def allow_commit(job: Job, now: datetime, lease_s: float, progress: Progress) -> Job:
    """The point of no return: from here on the job ends by what stands in the dataset. However an attempt ends, the commit is looked up
    before the job is called FAILED or CANCELLED."""
    return replace(beat(job, now, lease_s, replace(progress, stage=Stage.COMMITTING)), may_have_committed=True)


def complete(job: Job, result: dict[str, Any], progress: Progress, now: datetime, *, keep_s: float) -> Job:
    """COMPLETED with `result`, whose files are kept for `keep_s` seconds, and with the attempt's last `progress`."""
    done = replace(progress, stage=Stage.DONE, percent=100)
    ended = _tried(replace(job, progress=done, result=result, error=None), Outcome.COMPLETED, now)
    return _finish(ended, Status.COMPLETED, now, keep_s)


def fail(job: Job, error: KraiError, now: datetime, *, keep_s: float, cause: KraiError | None = None) -> Job:
    """FAILED; what the error leaves to be read is kept for `keep_s` seconds. `cause` ended the attempt, when `error` tells of them all."""
    ended = _tried(replace(job, error=error.to_doc(), result=error.result), Outcome.FAILED, now, (cause or error).code)
    return _finish(ended, Status.FAILED, now, keep_s)


def cancel(job: Job, now: datetime, *, keep_s: float) -> Job:
    return _finish(_tried(job, Outcome.CANCELLED, now), Status.CANCELLED, now, keep_s)


def lose(job: Job) -> Job:
    """The job whose attempt under way, if there is one, has ended without a word when its lease did: for whoever writes without a lease."""
    return job if job.lease_until is None else _tried(job, Outcome.LOST, job.lease_until)


def ask_cancel(job: Job, now: datetime) -> Job:
    """Ask the owner of a running job to stop; it, or the sweep after its lease, writes CANCELLED."""
    return replace(job, cancel_requested=True, updated_at=now)


def postpone(job: Job, error: KraiError, now: datetime, *, delay_s: float, crashed: bool = False) -> Job:
    """Give the job back after a transient failure; nobody claims it before `delay_s` seconds have passed."""
    again = now + timedelta(seconds=delay_s)
    return replace(
        _back_to_wait(_tried(job, Outcome.FAILED, now, error.code), now),
        run_after=again,
        due_at=again + timedelta(seconds=REPUBLISH_AFTER_S),
        error=error.to_doc(),
        crashes=job.crashes + crashed,
    )


def hand_back(job: Job, now: datetime) -> Job:
    """Give the job back because the worker stops: the attempt does not count."""
    waiting = _back_to_wait(_tried(job, Outcome.HANDED_BACK, now), now)
    return replace(waiting, attempt=job.attempt - 1, due_at=now + timedelta(seconds=REPUBLISH_AFTER_S))


def republish(job: Job, now: datetime) -> Job:
    """Send the wake-up message again, and look again after as long as the job has been waiting, but neither too often nor too seldom."""
    waited_s = (now - job.updated_at).total_seconds()
    return replace(job, due_at=now + timedelta(seconds=min(max(REPUBLISH_AFTER_S, waited_s), LONGEST_REPUBLISH_S)))


def put_off(job: Job, now: datetime) -> Job:
    """What was to be done with it failed, and is tried later."""
    return replace(job, due_at=now + timedelta(seconds=REPUBLISH_AFTER_S))


def hold_back(job: Job, standing: Standing, share: int | None) -> Job:
    """The new job of a caller of this standing: held when the caller's share is out already, so that nobody is told of it, not even
    the sweep. None: everybody is out at once.

    It is crowded when at least half of the share is out with it. Of those that are not crowded less than half a share is out at any
    time, so where a job is held some crowded one is out, and brings it its turn.
    """
    if share is None:
        return job
    if standing.held or standing.out >= share:
        return replace(job, held=True, crowded=True, due_at=None)
    return replace(job, crowded=2 * (standing.out + 1) >= share)


def release(job: Job, now: datetime) -> Job:
    """The held job's turn has come. It is due like one that was just accepted, for its message may be lost."""
    return replace(job, held=False, due_at=now + timedelta(seconds=REPUBLISH_AFTER_S), updated_at=now)


def forget_files(job: Job, now: datetime, *, keep_s: float) -> Job:
    """The files are deleted; the job itself stays for `keep_s` seconds after its end."""
    gone_at = (job.finished_at or now) + timedelta(seconds=keep_s)
    return look_again(replace(job, delete_at=gone_at))


def delete(job: Job, now: datetime) -> Job:
    """The finished job gone for readers; the sweep removes it when all who listen to it have learned that."""
    return replace(job, callback=None, deliveries=(), delete_at=now, updated_at=now, due_at=now + timedelta(seconds=DELETED_SEEN_S))


def look_again(job: Job) -> Job:
    """A finished job, due when the first of what is left to do with it is: its parts, its callbacks, its files or itself."""
    moments = (job.parts_at, *(callback.next_at for callback in job.callbacks), job.delete_at or job.expires_at)
    return replace(job, due_at=min(moment for moment in moments if moment is not None))


def attempts_spent(job: Job) -> bool:
    """True when the job may not be claimed once more. One that may have committed may be, for a day or so, until a look-up is answered."""
    return job.attempt >= job.max_attempts + (ATTEMPTS_TO_SETTLE if job.may_have_committed else 0)


def only_looks_up(job: Job) -> bool:
    """True when the attempt is one beyond the last, which looks the commit up and does nothing else."""
    return job.attempt > job.max_attempts


def give_up(job: Job, error: KraiError) -> KraiError | None:
    """The error to end the job with when `error` may not be tried again, else None.

    What the caller's own source did keeps its code, for that is where help is; krai's trouble is told as attempts that were spent.
    """
    if isinstance(error, Terminal):
        return error
    if job.attempt >= job.max_attempts:
        if error.code.startswith("source_"):
            return Terminal(error.code, f"{error.detail} That was attempt {job.attempt}, the last one.".lstrip())
        return Terminal("attempts_spent", f"Attempt {job.attempt} of {job.max_attempts} ended with {error.code}: {error.detail}")
    return None


def _tried(job: Job, outcome: Outcome, ended_at: datetime, code: str | None = None) -> Job:
    """The job with the end of its attempt, unless none is under way."""
    if not job.tries or job.tries[-1].ended_at is not None:
        return job
    stage, records = job.progress.stage, job.progress.records_processed
    last = replace(job.tries[-1], ended_at=ended_at, outcome=outcome, code=code, stage=stage, records_processed=records)
    return replace(job, tries=(*job.tries[:-1], last))


def _back_to_wait(job: Job, now: datetime) -> Job:
    return replace(_unfinished(job), status=Status.PENDING, lease_owner=None, lease_until=None, progress=Progress(), updated_at=now)


def _finish(job: Job, status: Status, now: datetime, keep_s: float) -> Job:
    # Whoever ends an import could not remove its parts, or died before: only workers reach the warehouse. The sweep has it done.
    leaves_parts = job.type in WRITERS and job.epoch > 0 and status is not Status.COMPLETED
    late_s = COMMITS_COME_LATE_S if job.may_have_committed else 0
    finished = replace(
        _unfinished(job),
        status=status,
        held=False,
        lease_owner=None,
        lease_until=None,
        run_after=None,
        finished_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=keep_s),
        parts_at=now + timedelta(seconds=late_s) if leaves_parts else None,
        callback=None if job.callback is None else replace(job.callback, next_at=now),
    )
    return look_again(finished)


def _unfinished(job: Job) -> Job:
    """The last wall before a terminal state: no caller means to change one."""
    if job.finished:
        raise ValueError(f"{job.job_id} is {job.status} and stays so")
    return job
