"""Files to krai, in pieces that are sent again where they were broken off (the protocol `gcs-resumable`)."""

import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus

from krai.client.models import Upload
from krai.client.problem import Problem, Unreachable
from krai.client.sending import PASSING, Session, Trying, ask, refusal
from krai.client.sources import Source
from krai.client.state import State
from krai.client.steps import Answer, Disconnected, Flow, Request, transmit, work

ARRIVED = re.compile(r"bytes=0-(\d{1,18})", re.ASCII)
RESUME = HTTPStatus.PERMANENT_REDIRECT  # 308, which Cloud Storage uses for "go on"
GONE = frozenset({403, 404, 410})
PLAIN_NAME = re.compile(r"[^.\s/\\:*?\"<>|\x00-\x1f\x7f-\x9f][^/\\:*?\"<>|\x00-\x1f\x7f-\x9f]{0,90}")
PIECE_TIMEOUT_S = 120.0

Sent = Callable[[int, int | None], None]  # told of the bytes that have arrived, and of how many there are if that is known


class SessionGone(Exception):
    """The upload that was begun cannot be gone on with."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.code)


def send_file(session: Session, source: Source, *, name: str | None, state: State, sent: Sent | None) -> Flow[str]:
    """Send all of `source`; the id of the upload, for an import. Goes on with the upload that `state` remembers.

    Raises Problem, Unreachable, BadFile.
    """
    told = sent or _untold
    if state["upload_url"] and not state["uploaded"]:
        begun = Upload(upload_id=state["upload_id"], upload_url=state["upload_url"], headers=state["headers"])
        try:
            yield from _send(session, begun, source, told)
            state.keep(uploaded=True)
        except SessionGone:
            session.say("The upload that was begun is gone; beginning anew.")
            state.keep(upload_url=None)
    if not state["uploaded"]:
        opened = yield from _open(session, source, name)
        state.keep(upload_id=opened.upload_id, upload_url=opened.upload_url, headers=opened.headers)
        try:
            yield from _send(session, opened, source, told, offset=0)
        except SessionGone as gone:
            raise gone.problem from None
        state.keep(uploaded=True)
    upload_id: str = state["upload_id"]
    return upload_id


def _untold(_arrived: int, _total: int | None) -> None:
    pass


def _open(session: Session, source: Source, name: str | None) -> Flow[Upload]:
    body = {"filename": name if name and PLAIN_NAME.fullmatch(name) and name == name.strip() else None, "size_bytes": source.size_bytes}
    return Upload.of(
        (yield from ask(session, "POST", "/api/v1/uploads", body={key: value for key, value in body.items() if value is not None}))
    )


def _send(session: Session, opened: Upload, source: Source, told: Sent, offset: int | None = None) -> Flow[None]:
    """`offset` is how much has arrived; None: that has to be asked. Raises SessionGone, Problem, Unreachable, BadFile."""
    trying, best = Trying(session), -1
    while True:
        request = yield from work(partial(_put, opened, source, offset))
        try:
            answer = yield from transmit(request)
        except Disconnected as broken:
            yield from trying.pause(Unreachable(broken.reason))
            offset = None
            continue
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            told(source.size_bytes or 0, source.size_bytes)
            return
        if answer.status != RESUME:
            # 409: another request still holds the upload, or has brought it further than we know.
            yield from trying.pause(_passing(answer), refusal(answer).retry_after_s or 0.0)
            offset = None
            continue
        arrived = _arrived(answer)
        if arrived > best:
            trying.progress()
        elif offset is not None:
            yield from trying.pause(Unreachable("The bytes that are sent do not arrive."))
        offset, best = arrived, max(arrived, best)
        told(offset, source.size_bytes)


def _put(opened: Upload, source: Source, offset: int | None) -> Request:
    data = b"" if offset is None else source.piece(offset)
    total = "*" if source.size_bytes is None else source.size_bytes
    place = f"{offset}-{offset + len(data) - 1}" if offset is not None and data else "*"
    whole = {} if total == 0 else {"content-range": f"bytes {place}/{total}"}  # an empty file has no first byte
    return Request("PUT", opened.upload_url, headers={**opened.headers, **whole}, body=data, timeout_s=PIECE_TIMEOUT_S)


def _passing(answer: Answer) -> Problem:
    """Raises what will not pass: SessionGone, Problem."""
    problem = refusal(answer)
    if answer.status in GONE:
        raise SessionGone(problem)
    if answer.status in PASSING or answer.status == HTTPStatus.CONFLICT or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem
    raise problem


def _arrived(answer: Answer) -> int:
    found = ARRIVED.fullmatch(answer.headers.get("range", "").replace("bytes 0-", "bytes=0-"))
    return int(found[1]) + 1 if found else 0


__all__ = ["Problem"]
