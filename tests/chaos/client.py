"""A careful client: every POST carries a key and is sent again until it is answered, so each request becomes one job."""

import contextlib
import hashlib
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from tests.chaos.book import Book, Entry
from tests.chaos.plan import Json, Wish, Wishes, drawing

TIMEOUT_S = 8.0
LONGEST_PAUSE_S = 1.0
DOWNLOADED = 0.3  # the share of completed exports whose file is fetched; the digests of all are checked
LOOKED_AT_AGAIN = 0.2  # the share of jobs after which an older one is looked at
AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


class OutOfTime(Exception):
    """The run is over, and what is not answered by now is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """`no_more` is set when no new job is to be asked for; by `deadline` (monotonic) everything must have been answered."""

    no_more: threading.Event
    deadline: list[float]

    def check(self) -> None:
        if time.monotonic() > self.deadline[0]:
            raise OutOfTime


class Client:
    """Asks for one job after the other and follows each to its end. `digests` is what exports must give, by name."""

    def __init__(self, base_url: str, api_key: str, number: int, seed: int, *, book: Book, till: Till, digests: dict[str, str]) -> None:
        limits = httpx.Limits(max_keepalive_connections=1, keepalive_expiry=2)
        self._http = httpx.Client(base_url=base_url, headers={"x-api-key": api_key}, timeout=TIMEOUT_S, limits=limits, trust_env=False)
        self._anonymous = httpx.Client(base_url=base_url, timeout=TIMEOUT_S, limits=limits, trust_env=False)
        self._wishes = Wishes(seed, number)
        self._draw = drawing(seed, "client", number)
        self._book, self._till, self._digests = book, till, digests
        self._mine: list[Entry] = []

    def run(self) -> None:
        with self._http, self._anonymous:
            while not self._till.no_more.is_set():
                try:
                    self._have(next(self._wishes))
                except OutOfTime:
                    return

    def _have(self, wish: Wish) -> None:
        entry = self._submit(wish)
        self._mine.append(entry)
        if wish.cancel_after_s is not None:
            self._till.no_more.wait(wish.cancel_after_s)
            self._cancel(entry)
        self._follow(entry)
        self._check(entry)
        if wish.retried and entry.end is not None and entry.end["status"] in {"FAILED", "CANCELLED"}:
            again = self._accepted(wish, f"/api/v1/jobs/{entry.job_id}/retry", {}, f"{wish.tag}-again", parent=entry.job_id)
            self._mine.append(again)
            self._follow(again)
            self._check(again)
        if self._draw.random() < LOOKED_AT_AGAIN:
            older = self._draw.choice(self._mine)
            self._book.seen(older, self._job(older))

    # -- asking ---------------------------------------------------------------------------------------------------------------

    def _submit(self, wish: Wish) -> Entry:
        body = wish.body if wish.upload is None else wish.body | {"source": {"upload_id": self._upload(wish.upload)}}
        entry = self._accepted(wish, f"/api/v1/{wish.noun}", body, wish.tag)
        if wish.posted_twice:
            again = self._accepted(wish, f"/api/v1/{wish.noun}", body, wish.tag)
            if again.job_id != entry.job_id:
                self._book.violated("I1", f"the key {wish.tag} got two jobs", again.job_id)
        return entry

    def _accepted(self, wish: Wish, path: str, body: Json, key: str, parent: str | None = None) -> Entry:
        answer = self._insist("POST", path, {HTTPStatus.ACCEPTED}, json=body, headers={"Idempotency-Key": key})
        return self._book.accepted(wish, key, answer.json()["job_id"], parent)

    def _upload(self, content: bytes) -> str:
        """The id of an upload that has arrived; a broken one is left for the sweep."""
        while True:
            session = self._insist("POST", "/api/v1/uploads", {HTTPStatus.CREATED}, json={}).json()
            with contextlib.suppress(httpx.TransportError):
                sent = self._anonymous.request(session["method"], session["upload_url"], headers=session["headers"], content=content)
                if sent.status_code in {HTTPStatus.OK, HTTPStatus.CREATED}:
                    return str(session["upload_id"])
            self._book.meet("upload begun anew")
            self._pause()

    def _cancel(self, entry: Entry) -> None:
        path = f"/api/v1/jobs/{entry.job_id}/cancel"
        answer = self._insist("POST", path, {HTTPStatus.ACCEPTED, HTTPStatus.CONFLICT}, headers={"Idempotency-Key": f"{entry.key}-cancel"})
        entry.cancel_answered = answer.status_code

    # -- following ------------------------------------------------------------------------------------------------------------

    def _follow(self, entry: Entry) -> None:
        while not self._book.seen(entry, self._job(entry, wait_s=3)):
            self._till.check()

    def _job(self, entry: Entry, *, wait_s: int = 0) -> Json:
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        doc: Json = self._insist("GET", f"/api/v1/jobs/{entry.job_id}", {HTTPStatus.OK}, headers=headers).json()
        return doc

    def _check(self, entry: Entry) -> None:
        """The result of a completed job is what was asked for."""
        wish = entry.wish
        if entry.end is None or entry.end["status"] != "COMPLETED":
            return
        result: Json = self._insist("GET", f"/api/v1/jobs/{entry.job_id}/result", {HTTPStatus.OK}).json()
        if wish.expected is None:
            counts = (result["records_processed"], result["records_rejected"])
            if counts != (wish.rows, wish.rejected):
                self._book.violated("I2", f"asked for {(wish.rows, wish.rejected)} rows and rejects, result says {counts}", entry.job_id)
            return
        promised = [file["sha256"] for file in result["files"]]
        if promised != [self._digests[wish.expected]]:
            self._book.violated("I2", f"{wish.expected}: the digests are {promised}", entry.job_id)
        elif self._draw.random() < DOWNLOADED:
            found = self._download(entry)
            if found != self._digests[wish.expected]:
                self._book.violated("I2", f"{wish.expected}: the downloaded file has the digest {found}", entry.job_id)

    def _download(self, entry: Entry) -> str:
        while True:
            result = self._insist("GET", f"/api/v1/jobs/{entry.job_id}/result", {HTTPStatus.OK}).json()
            with contextlib.suppress(httpx.TransportError):
                answer = self._anonymous.get(result["files"][0]["download_url"])
                if answer.status_code == HTTPStatus.OK:
                    return hashlib.sha256(answer.content).hexdigest()
                if answer.status_code not in AGAIN:
                    return f"none: {answer.status_code} {answer.text[:200]}"
            self._book.meet("download begun anew")
            self._pause()

    # -- one call -------------------------------------------------------------------------------------------------------------

    def _insist(
        self, method: str, path: str, good: set[HTTPStatus], *, json: Json | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """The answer, asked for again after 503, a time-out or a broken connection."""
        refused = 0
        while True:
            try:
                answer = self._http.request(method, path, json=json, headers=headers)
            except httpx.TimeoutException:
                self._book.meet("no answer in time")
            except httpx.TransportError:
                self._book.meet("connection broken")
            else:
                if answer.status_code in good:
                    return answer
                self._book.meet(str(answer.status_code))
                if answer.status_code not in AGAIN:
                    refused += 1
                    self._book.violated("answer", f"{method} {path} was answered {answer.status_code} {answer.text[:400]}")
                    if refused > 1:
                        raise OutOfTime
            self._pause()

    def _pause(self) -> None:
        self._till.check()
        time.sleep(self._draw.uniform(0.1, LONGEST_PAUSE_S))
