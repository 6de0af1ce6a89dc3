"""What an attempt leaves for operators: counts for Prometheus, spans for its trace."""

from krai import metrics, observe
from krai.attempt import Attempt
from krai.job import Job, Progress, Status
from krai.lease import Lease
from krai.ports import JobQueue
from krai.verdict import Ack, Bury, Delay, Later, Verdict


def answered(claimed: Lease | Verdict) -> None:
    """What came of a wake-up message."""
    match claimed:
        case Lease():
            metrics.message_answered("claimed")
        case Ack():
            metrics.message_answered("finished")
        case Delay():
            metrics.message_answered("not_yet")
        case Bury():
            metrics.message_answered("unknown")
        case Later():
            metrics.message_answered("store_busy")


def begin(queue: JobQueue, claimed: Job) -> observe.Span:
    """The span of an attempt: in the trace of the request, for a job is one story, and linked to it, for nobody waited there."""
    metrics.attempt_began()
    return observe.begin(
        f"process {queue.topic}",
        observe.Kind.CONSUMER,
        claimed.traceparent,
        linked=True,
        messaging__system=queue.system,
        messaging__destination__name=queue.topic,
        messaging__operation__name="process",
        messaging__operation__type="process",
        krai__job__id=claimed.job_id,
        krai__job__type=claimed.type.value,
        krai__job__attempt=claimed.attempt,
    )


def advanced(lease: Lease, then: Progress) -> None:
    """How much further the child has come than when it spoke last."""
    seen = lease.progress
    metrics.advanced(
        lease.job.type,
        records=then.records_processed - seen.records_processed,
        rejected=then.records_rejected - seen.records_rejected,
        size_bytes=then.bytes_processed - seen.bytes_processed,
    )


def steps(child: observe.Span, attempt: Attempt) -> None:
    """What the child did, within its span."""
    for step in attempt.steps:
        observe.took(step.name, child.traceparent, step.began_ns, step.ended_ns)


def end(span: observe.Span, lease: Lease) -> None:
    job = lease.job
    metrics.attempt_ended(job.type, job.status)
    stage = None if job.finished else lease.progress.stage.value
    span.end(error=_failure(job), krai__job__status=job.status.value, krai__job__stage=stage)


def _failure(job: Job) -> str | None:
    """The code of what went wrong in this attempt."""
    put_off = job.status is Status.PENDING and job.run_after is not None
    return str(job.error["code"]) if job.error is not None and (put_off or job.status is Status.FAILED) else None
