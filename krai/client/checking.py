"""Whether all is well between a client and krai: its stores, its clock, and the way files take."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from krai.client.models import Upload
from krai.client.problem import Unreachable
from krai.client.sending import Session, ask, document, not_krai, refusal, send
from krai.client.service import Card, Readiness, Status
from krai.client.steps import Disconnected, Flow, Request, transmit


def card(session: Session) -> Flow[Card]:
    """Who answers at the address. Raises Problem not_krai."""
    answer = yield from send(session, Request("GET", "/"))
    found = document(answer)
    if found.get("service") != "krai":
        raise not_krai(answer.status)
    return Card.of(found)


def readiness(_: Session) -> Flow[Readiness]:
    """Whether each store that krai depends on answers. Raises Problem, Unreachable."""
    try:
        answer = yield from transmit(Request("GET", "/readyz"))
    except Disconnected as broken:
        raise Unreachable(broken.reason) from None
    try:
        return Readiness.of(json.loads(answer.body))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise not_krai(answer.status) from None


def status(session: Session) -> Flow[Status]:
    """How much there is to do and who does it; for admins."""
    return Status.of((yield from ask(session, "GET", "/api/v1/status")))


def clock_ahead_s(session: Session) -> Flow[float]:
    """By how much the clock of this machine is ahead of krai's, to the second."""
    answer = yield from send(session, Request("GET", "/healthz"))
    try:
        return (datetime.now(UTC) - parsedate_to_datetime(answer.headers["date"])).total_seconds()
    except (KeyError, ValueError, TypeError):
        raise not_krai(answer.status) from None


def try_storage(session: Session) -> Flow[None]:
    """Find the place where files are sent to, without sending one. Raises Problem, Unreachable."""
    opened = Upload.of((yield from ask(session, "POST", "/api/v1/uploads", body={})))
    headers = {**opened.headers, "content-range": "bytes */*"}
    answer = yield from send(session, Request("PUT", opened.upload_url, headers=headers, body=b""))
    if answer.status not in {HTTPStatus.PERMANENT_REDIRECT, HTTPStatus.OK, HTTPStatus.CREATED}:
        raise refusal(answer)
