"""Following a job to its end: by events, and where something between swallows these, by asking again and again."""

import json
from http import HTTPStatus

from krai.client import jobs
from krai.client.models import COMPLETED, Job
from krai.client.problem import JobEnded, Unreachable, WaitedTooLong
from krai.client.sending import FIRST_PAUSE_S, PASSING, Session, Trying, document, refusal, send
from krai.client.sse import Events
from krai.client.steps import Disconnected, Flow, Give, Pause, Request, open_, read

SILENCE_S = 25.0  # krai is never silent for longer than 15 s
SILENT_STREAMS = 2  # so many without an event, and the events do not come through
ASK_S = 20


class Patience:
    """How long a job is waited for; `timeout_s` None: without an end."""

    def __init__(self, session: Session, timeout_s: float | None) -> None:
        self._session = session
        self._timeout_s = timeout_s
        self._until = None if timeout_s is None else session.clock() + timeout_s

    def left_s(self, job: Job) -> float:
        """Raises WaitedTooLong."""
        if self._until is None or self._timeout_s is None:
            return float("inf")
        left_s = self._until - self._session.clock()
        if left_s <= 0:
            raise WaitedTooLong(job, self._timeout_s)
        return left_s


def watch(session: Session, job_id: str, *, timeout_s: float | None = None) -> Flow[Job]:
    """Gives every state of the job that is seen; the last one is that of its end. Raises WaitedTooLong."""
    job = yield from jobs.job(session, job_id)
    yield Give(job)
    patience = Patience(session, timeout_s)
    if not job.finished:
        job = yield from _listen(session, job, patience)
    return (yield from _poll(session, job, patience))


def wait(session: Session, job_id: str, *, timeout_s: float | None = None) -> Flow[Job]:
    """The job when it is COMPLETED. Raises JobEnded, WaitedTooLong."""
    job = yield from watch(session, job_id, timeout_s=timeout_s)
    if job.status != COMPLETED:
        raise JobEnded(job)
    return job


def _listen(session: Session, job: Job, patience: Patience) -> Flow[Job]:
    """The last state that was told: not the end of the job where events do not come through, or where there is little time left."""
    events, trying, silent = Events(), Trying(session), 0
    while silent < SILENT_STREAMS and patience.left_s(job) > SILENCE_S:
        told = {"accept": "text/event-stream"} | ({"last-event-id": events.last_id} if events.last_id else {})
        try:
            answer = yield from open_(Request("GET", f"{jobs.path(job.job_id)}/events", headers=told, timeout_s=SILENCE_S))
            if answer.status in PASSING:
                yield from trying.pause(refusal(answer))
                continue
            if not answer.ok or "event-stream" not in answer.headers.get("content-type", ""):
                return job  # asking will say what is the matter
            silent += 1
            while patience.left_s(job) > SILENCE_S and (data := (yield from read())):
                for event in events.feed(data):
                    if event.name == "job":
                        job, silent = Job.of(json.loads(event.data)), 0
                        trying.progress()
                        yield Give(job)
                if job.finished:
                    return job
        except Disconnected as broken:
            yield from trying.pause(Unreachable(broken.reason))
        except ValueError:
            return job
        events.broken_off()
        yield Pause(FIRST_PAUSE_S)
    return job


def _poll(session: Session, job: Job, patience: Patience) -> Flow[Job]:
    known: dict[str, str] = {}
    while not job.finished:
        wait_s = max(1, int(min(ASK_S, patience.left_s(job))))
        told = {"prefer": f"wait={wait_s}", **known}
        answer = yield from send(session, Request("GET", jobs.path(job.job_id), headers=told))
        if answer.status == HTTPStatus.NOT_MODIFIED:
            continue
        job = Job.of(document(answer))
        known = {"if-none-match": answer.headers["etag"]} if "etag" in answer.headers else {}
        yield Give(job)
        if not known:
            yield Pause(FIRST_PAUSE_S)
    return job
