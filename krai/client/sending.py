"""Requests that are sent until they are answered: what is worth another try, and when."""

import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from krai.client.problem import Problem, Unreachable
from krai.client.steps import Answer, Disconnected, Flow, Pause, Request, transmit

PATIENCE_S = 300.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 15.0
PASSING = frozenset({429, 502, 503, 504})
NOT_DONE = frozenset({429, 503})  # krai has refused it before it did anything


@dataclass(frozen=True, slots=True)
class Session:
    """What flows know of their client. `patience_s` is how long a request is tried again, from its first failure on; `state` the folder
    that remembers work that is broken off, None: nothing does.
    """

    base_url: str = ""
    patience_s: float = PATIENCE_S
    state: Path | None = None
    say: Callable[[str], None] = field(default=lambda _: None)  # told, in a sentence, of what a person may wonder about
    clock: Callable[[], float] = time.monotonic


class Trying:
    """Pauses that grow, with jitter, as long as there is patience. Progress gives all of the patience back."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._tries = 0
        self._since = 0.0

    def progress(self) -> None:
        self._tries = 0

    def pause(self, failure: Exception, at_least_s: float = 0.0) -> Flow[None]:
        """Wait before the next try. Raises `failure` when it has taken too long."""
        now = self._session.clock()
        if not self._tries:
            self._since = now
        elif isinstance(failure, Unreachable):
            self._session.say(f"{failure} Trying again…")
        longest_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**self._tries)
        pause_s = max(at_least_s, random.uniform(longest_s / 2, longest_s))  # noqa: S311 - spreads clients, keeps no secret
        if now - self._since + pause_s > self._session.patience_s:
            raise failure
        self._tries += 1
        yield Pause(pause_s)


def send(session: Session, request: Request, *, repeatable: bool = True) -> Flow[Answer]:
    """The answer, whatever it says, unless that is to come back later.

    Not `repeatable`: tried again only where the request has not arrived. Raises Problem, Unreachable.
    """
    trying = Trying(session)
    while True:
        try:
            answer = yield from transmit(request)
        except Disconnected as broken:
            failure = Unreachable(broken.reason)
            if broken.sent and not repeatable:
                raise failure from None
            yield from trying.pause(failure)
            continue
        if answer.status not in (PASSING if repeatable else NOT_DONE):
            return answer
        problem = refusal(answer)
        yield from trying.pause(problem, problem.retry_after_s or 0.0)


def ask(
    session: Session,
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None = None,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    repeatable: bool = True,
) -> Flow[dict[str, Any]]:
    """The JSON that krai answers a call with; empty where there is none. Raises Problem, Unreachable."""
    known = {name: str(value) for name, value in (params or {}).items() if value is not None}
    told = dict(headers or {})
    if method == "POST" and repeatable and "idempotency-key" not in told:
        told["idempotency-key"] = new_idempotency_key()
    if body is not None:
        told["content-type"] = "application/json"
    content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
    answer = yield from send(session, Request(method, path, known, told, content), repeatable=repeatable)
    return document(answer)


def new_idempotency_key() -> str:
    return secrets.token_hex(16)


def document(answer: Answer) -> dict[str, Any]:
    """Raises Problem when the answer says no, or is not krai's."""
    if not answer.ok:
        raise refusal(answer)
    if not answer.body:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise not_krai(answer.status)
    return found


def not_krai(status: int) -> Problem:
    detail = "Check the address: it should be that of krai's API."
    return Problem({"code": "not_krai", "title": "Something other than krai has answered", "detail": detail}, status)


def refusal(answer: Answer) -> Problem:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "code" not in found:
        title = f"The answer was {answer.status} {_phrase(answer.status)}".rstrip()
        found = {"code": f"http_{answer.status}", "title": title, "detail": "It does not come from krai itself: look at what is between."}
    return Problem(found, answer.status, _retry_after_s(answer.headers.get("retry-after")))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""


def _retry_after_s(text: str | None) -> float | None:
    """RFC 9110, 10.2.3: seconds or a date."""
    if text is None:
        return None
    if text.isdecimal():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
