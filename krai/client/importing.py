"""A file becomes rows of a dataset: sent, imported, waited for. A call that was killed is gone on with by the same call."""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from krai.client import jobs
from krai.client.models import Job
from krai.client.problem import JobEnded, Problem, WaitedTooLong
from krai.client.sending import Session
from krai.client.sources import FileSource, Source, StreamSource
from krai.client.state import State, remembered
from krai.client.steps import Flow, listening, work
from krai.client.uploading import Sent, send_file
from krai.client.waiting import wait

UPLOAD_GONE = frozenset({"unknown_upload", "upload_incomplete"})
Seen = Callable[[Job], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of an import: `name` is that of the file, if it has one."""

    dataset: str
    request: dict[str, Any]
    name: str | None
    sent: Sent | None


def upload(session: Session, file: Path | BinaryIO, *, sent: Sent | None = None) -> Flow[str]:
    """Send a file, or all that a stream has; the id of the upload. `sent` is told how many bytes have arrived, and of how many.

    Raises Problem, Unreachable, BadFile.
    """
    with _begun(session, file) as (source, state):
        upload_id = yield from send_file(session, source, name=_name(file), state=state, sent=sent)
        state.forget()
        return upload_id


def import_from(
    session: Session,
    /,
    file: Path | BinaryIO,
    dataset: str,
    *,
    follow: bool = True,
    timeout_s: float | None = None,
    sent: Sent | None = None,
    seen: Seen | None = None,
    **request: Any,
) -> Flow[Job]:
    """Send a file, or all that a stream has, and import it; the job, COMPLETED unless `follow` is False.

    `seen` is told every state of the job, `sent` as with `upload`. `request` has the other fields of `POST /api/v1/imports`.
    Raises Problem, Unreachable, BadFile, JobEnded, WaitedTooLong.
    """
    with _begun(session, file) as (source, state):
        order = Order(dataset, request, _name(file), sent)
        job = yield from _create(session, source, order, state)
        if seen is not None:
            seen(job)
        try:
            if follow:
                job = yield from listening(wait(session, job.job_id, timeout_s=timeout_s), seen)
        except (JobEnded, WaitedTooLong, Problem, KeyboardInterrupt):
            state.forget()  # whoever asked knows the job by now, and may ask for another one
            raise
        state.forget()
        return job


def _create(session: Session, source: Source, order: Order, state: State) -> Flow[Job]:
    gone_on_with = bool(state["upload_id"])
    while True:
        upload_id = yield from send_file(session, source, name=order.name, state=state, sent=order.sent)
        body = {**order.request, "sha256": (yield from work(source.sha256))}
        # The same request with the same upload is the same job, also when another process sends it; any other is another job.
        asked = hashlib.sha256(json.dumps([order.dataset, upload_id, body], sort_keys=True).encode()).hexdigest()[:16]
        key = f"{state['token']}-{asked}"
        try:
            return (yield from jobs.create_import(session, order.dataset, {"upload_id": upload_id}, idempotency_key=key, **body))
        except Problem as problem:
            if not gone_on_with or problem.code not in UPLOAD_GONE:
                raise
        session.say("The upload that was begun is gone; beginning anew.")
        gone_on_with = False
        state.begin(token=secrets.token_hex(8))


@contextmanager
def _begun(session: Session, file: Path | BinaryIO) -> Iterator[tuple[Source, State]]:
    """The file, and what is remembered of an earlier call with it; of a stream that is nothing, for it does not come twice."""
    if not isinstance(file, Path):
        yield StreamSource(file), _fresh(State(None, {}))
        return
    with (
        closing(FileSource(file)) as source,
        remembered(session.state, "import", session.base_url, str(file.resolve()), source.fingerprint()) as state,
    ):
        if state["upload_id"]:
            session.say("Going on with what was broken off.")
        yield source, state if state["token"] else _fresh(state)


def _fresh(state: State) -> State:
    state.begin(token=secrets.token_hex(8))
    return state


def _name(file: Path | BinaryIO) -> str | None:
    return file.name if isinstance(file, Path) else None
