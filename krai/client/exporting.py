"""The files of a job, to where they are wanted. An export that was killed is gone on with by the same call."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from krai.client import jobs
from krai.client.downloading import Wanted, fetch, fetch_to
from krai.client.models import ExportFile, Job, Result
from krai.client.problem import BadFile, JobEnded, Problem, WaitedTooLong
from krai.client.sending import Session
from krai.client.sinks import PART, StreamSink, part_of
from krai.client.state import State, remembered
from krai.client.steps import Flow, listening
from krai.client.waiting import wait

LINKS_FRESH_S = 600.0  # they live 15 minutes
RESUMED_S = 3600.0  # a snapshot that is older than this is taken anew, unless part of it is here

Seen = Callable[[Job], None]
Arrived = Callable[[int, int], None]  # told of the bytes that are here, and of all there will be


@dataclass(frozen=True, slots=True)
class Exported:
    """A finished export. `paths` are the files that were written here, without those that went into a stream."""

    job: Job
    result: Result
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of an export, and who is told of it."""

    dataset: str
    request: dict[str, Any]
    target: Path | BinaryIO
    timeout_s: float | None
    seen: Seen | None
    arrived: Arrived | None

    def text(self) -> str:
        """Which tells it from others."""
        return json.dumps([self.dataset, self.request], sort_keys=True)


def export_to(
    session: Session,
    /,
    dataset: str,
    target: Path | BinaryIO,
    *,
    timeout_s: float | None = None,
    seen: Seen | None = None,
    arrived: Arrived | None = None,
    **request: Any,
) -> Flow[Exported]:
    """Export a dataset to a file, into a folder (always with `split_rows`), or into a stream.

    `seen` is told every state of the job, `arrived` of the bytes. `request` has the other fields of `POST /api/v1/exports`.
    Raises Problem, Unreachable, BadFile, FileInUse, JobEnded, WaitedTooLong.
    """
    order = Order(dataset, request, target, timeout_s, seen, arrived)
    with remembered(_folder(session, target), "export", session.base_url, _place(target), order.text()) as state:
        resumed = bool(state["token"]) and (state.age_s < RESUMED_S or _has_parts(target))
        if not resumed:
            state.begin(token=secrets.token_hex(16))
        while True:
            try:
                done = yield from _export(session, order, state)
            except (JobEnded, Problem, BadFile) as ended:
                state.forget()
                if not resumed or isinstance(ended, BadFile) or (isinstance(ended, Problem) and ended.code != "result_expired"):
                    raise
            else:
                state.forget()
                return done
            resumed = False
            state.begin(token=secrets.token_hex(16))


def _export(session: Session, order: Order, state: State) -> Flow[Exported]:
    job = yield from jobs.create_export(session, order.dataset, idempotency_key=state["token"], **order.request)
    if state["job_id"] == job.job_id:
        session.say(f"Going on with the export that was broken off, job {job.job_id}.")
    state.keep(job_id=job.job_id)
    if order.seen is not None:
        order.seen(job)
    try:
        job = yield from listening(wait(session, job.job_id, timeout_s=order.timeout_s), order.seen)
    except (WaitedTooLong, KeyboardInterrupt):
        state.forget()  # whoever asked knows the job by now, and may ask for another one
        raise
    return (yield from _files(session, job, order.target, state, order.arrived))


def download(session: Session, job_id: str, target: Path | BinaryIO, *, arrived: Arrived | None = None) -> Flow[Exported]:
    """The files of a finished export. Raises Problem, Unreachable, BadFile, FileInUse."""
    job = yield from jobs.job(session, job_id)
    with remembered(_folder(session, target), "download", session.base_url, _place(target), job_id) as state:
        if not state["began_at"]:
            state.begin()
        done = yield from _files(session, job, target, state, arrived)
        state.forget()
        return done


def download_rejects(session: Session, job_id: str, target: Path | BinaryIO) -> Flow[None]:
    """Every row that an import has rejected, as it came, ready to be mended. Raises Problem, Unreachable, BadFile, FileInUse."""

    def fresh() -> Flow[str]:
        page = yield from jobs.rejects(session, job_id, page_size=1)
        if page.rejects_url is None:
            raise BadFile("The job has rejected no rows.")
        return page.rejects_url

    yield from _fetch(session, Wanted("rejects", fresh), target, State(None, {}))


def _files(session: Session, job: Job, target: Path | BinaryIO, state: State, arrived: Arrived | None) -> Flow[Exported]:
    result = yield from jobs.result(session, job.job_id)
    folder = target if isinstance(target, Path) and (job.params.get("split_rows") or target.is_dir()) else None
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    paths, page, done = [], Page(session, job.job_id), 0
    while (files := (yield from page.next())) is not None:
        for file in files:
            place = target if folder is None else folder / _plain(file.name)
            tell = partial(_tell, arrived, done, result.file_size_bytes or 0)
            yield from _fetch(session, Wanted(file.name, partial(page.link, file.name), file.size_bytes, file.sha256, tell), place, state)
            done += file.size_bytes
            paths += [place] if isinstance(place, Path) else []
    if folder is not None:
        # What `krai verify` checks the files with; where manifests are not signed there is no signature.
        for name, there in (("manifest.json", result.manifest_url), ("manifest.json.jws", result.manifest_signature_url)):
            if there is not None:
                yield from fetch_to(
                    session, Wanted(name, partial(_manifest_link, session, job.job_id, name)), folder / name, State(None, {})
                )
                paths.append(folder / name)
    return Exported(job, result, tuple(paths))


def _fetch(session: Session, wanted: Wanted, place: Path | BinaryIO, state: State) -> Flow[None]:
    if isinstance(place, Path):
        yield from fetch_to(session, wanted, place, state)
    else:
        yield from fetch(session, wanted, StreamSink(place), state)


def _manifest_link(session: Session, job_id: str, name: str) -> Flow[str]:
    result = yield from jobs.result(session, job_id)
    return (result.manifest_url if name == "manifest.json" else result.manifest_signature_url) or ""


class Page:
    """The files of an export, page by page. Links are asked for anew when they are old or were refused."""

    def __init__(self, session: Session, job_id: str) -> None:
        self._session = session
        self._job_id = job_id
        self._token: str | None = None
        self._next: str | None = None
        self._began = False
        self._links: dict[str, str] = {}
        self._asked = 0.0

    def next(self) -> Flow[tuple[ExportFile, ...] | None]:
        if self._began and self._next is None:
            return None
        self._began, self._token = True, self._next
        return (yield from self._ask())

    def link(self, name: str) -> Flow[str]:
        """Each is given once: who asks again has found it refused. Raises BadFile."""
        if name not in self._links or self._session.clock() - self._asked > LINKS_FRESH_S:
            yield from self._ask()
        if name not in self._links:
            raise BadFile(f"{name} is no file of the export any more.")
        return self._links.pop(name)

    def _ask(self) -> Flow[tuple[ExportFile, ...]]:
        page = yield from jobs.files(self._session, self._job_id, page_token=self._token)
        self._asked, self._next = self._session.clock(), page.next_page_token
        self._links = {file.name: file.download_url for file in page.files}
        return page.files


def _folder(session: Session, target: Path | BinaryIO) -> Path | None:
    """Where it is remembered how far a file has come; of a stream nothing is left to go on with."""
    return session.state if isinstance(target, Path) else None


def _place(target: Path | BinaryIO) -> str:
    return str(target.resolve()) if isinstance(target, Path) else ""


def _tell(arrived: Arrived | None, before: int, total: int, here: int) -> None:
    if arrived is not None:
        arrived(before + here, total)


def _has_parts(target: Path | BinaryIO) -> bool:
    if not isinstance(target, Path):
        return False
    return part_of(target).exists() or (target.is_dir() and any(path.name.endswith(PART) for path in target.iterdir()))


def _plain(name: str) -> str:
    """Raises BadFile for a name that would lead out of the folder."""
    if not name or name in {".", ".."} or any(letter in '/\\:*?"<>|' or not letter.isprintable() for letter in name):
        raise BadFile("krai has answered with a name that is not one of a file.")
    return name
