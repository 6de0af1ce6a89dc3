"""Files from krai: gone on with where they were broken off, checked, and in their place only when they are whole."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

from krai.client.problem import BadFile, Unreachable
from krai.client.sending import PASSING, Session, Trying, refusal
from krai.client.sinks import PartFile, Sink
from krai.client.state import State
from krai.client.steps import Answer, Disconnected, Flow, Request, open_, read, work

STALE = frozenset({400, 401, 403, 404, 410})  # how stores say that a link has expired
FRESH_LINKS = 3  # so many without a byte, and it is not the link
FIRST_BYTE = re.compile(r"bytes (\d{1,18})-", re.ASCII)
SILENCE_S = 60.0
WRITE_BYTES = 1 << 20

Fresh = Callable[[], Flow[str]]  # a new link


def _untold(_: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file as it should be, and where it is. `size_bytes` and `sha256` are None where krai does not say; `received` is told of the
    bytes that are here.
    """

    name: str
    fresh: Fresh
    size_bytes: int | None = None
    sha256: str | None = None
    received: Callable[[int], None] = _untold

    @property
    def tag(self) -> str:
        """Under which its ETag is remembered."""
        return f"etag {self.name}"

    def whole(self, sink: Sink) -> bool:
        return self.size_bytes is not None and sink.position >= max(1, self.size_bytes)

    def right(self, sink: Sink) -> bool:
        return self.size_bytes in {None, sink.position} and (self.sha256 is None or self.sha256 == sink.sha256())


def fetch(session: Session, wanted: Wanted, sink: Sink, state: State) -> Flow[None]:
    """All of the file into `sink`, which may have its beginning. Raises BadFile when it is not the file it should be."""
    if sink.position and not state[wanted.tag]:
        sink.restart()
    yield from _complete(session, wanted, sink, state)
    if (yield from work(partial(wanted.right, sink))):
        return
    # What was there before was not the beginning of this file, or bytes were changed on their way: once more, from the start.
    sink.restart()
    yield from _complete(session, wanted, sink, state)
    if not (yield from work(partial(wanted.right, sink))):
        raise BadFile(f"{wanted.name} is not the file that krai has written: its size or its SHA-256 differs. It was not kept.")


def fetch_to(session: Session, wanted: Wanted, target: Path, state: State) -> Flow[None]:
    """The file at `target`, where nothing else is seen than all of it. Raises FileInUse, BadFile."""
    if (yield from work(partial(is_there, target, wanted))):
        wanted.received(wanted.size_bytes or 0)
        return
    part = yield from work(partial(PartFile, target))
    try:
        yield from fetch(session, wanted, part, state)
    except BadFile:
        part.discard()
        raise
    else:
        yield from work(part.place)
    finally:
        part.close()


def is_there(target: Path, wanted: Wanted) -> bool:
    """Whether this very file is in its place already."""
    if wanted.sha256 is None or not target.is_file() or target.stat().st_size != wanted.size_bytes:
        return False
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256


def _complete(session: Session, wanted: Wanted, sink: Sink, state: State) -> Flow[None]:
    trying, link, stale = Trying(session), "", 0
    while not wanted.whole(sink):
        link = link or (yield from wanted.fresh())
        before = sink.position
        try:
            answer = yield from open_(_request(link, sink, state[wanted.tag]))
            if answer.ok:
                _begin(answer, wanted, sink, state)
                yield from _receive(sink, wanted.received)
                if not wanted.size_bytes or wanted.whole(sink):
                    return
        except Disconnected as broken:
            if sink.position > before:
                trying.progress()
                stale = 0
            yield from trying.pause(Unreachable(broken.reason))
            continue
        if answer.ok:
            yield from trying.pause(Unreachable(f"{wanted.name} was broken off."))
            continue
        if answer.status in STALE and stale < FRESH_LINKS:
            link, stale = "", stale + 1
        elif answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and sink.position:
            sink.restart()
        elif answer.status not in PASSING:
            raise refusal(answer)
        yield from trying.pause(refusal(answer), refusal(answer).retry_after_s or 0.0)


def _request(link: str, sink: Sink, tag: str | None) -> Request:
    headers = {"accept-encoding": "identity"}
    if sink.position:
        headers["range"] = f"bytes={sink.position}-"
        if tag:
            headers["if-range"] = tag
    return Request("GET", link, headers=headers, timeout_s=SILENCE_S)


def _begin(answer: Answer, wanted: Wanted, sink: Sink, state: State) -> None:
    """The answer goes on from where the file is, or it has all of it."""
    found = FIRST_BYTE.match(answer.headers.get("content-range", "")) if answer.status == HTTPStatus.PARTIAL_CONTENT else None
    if (int(found[1]) if found else 0) != sink.position:
        sink.restart()
    if state[wanted.tag] != answer.headers.get("etag"):
        state.keep(**{wanted.tag: answer.headers.get("etag")})


def _receive(sink: Sink, received: Callable[[int], None]) -> Flow[None]:
    """All that comes; what came before a failure is kept."""
    gathered = bytearray()
    try:
        while data := (yield from read()):
            gathered += data
            if len(gathered) >= WRITE_BYTES:
                whole, gathered = bytes(gathered), bytearray()
                yield from work(partial(sink.write, whole))
                received(sink.position)
    finally:
        sink.write(bytes(gathered))
        received(sink.position)
