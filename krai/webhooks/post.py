"""One call of a receiver: on the public internet, without redirects, with an end in time and in bytes.

What it says is never kept: an answer may hold what only krai's network can see.
"""

import email.utils
from datetime import UTC, datetime
from http import HTTPStatus

import httpx

from krai.outbound import urls
from krai.outbound.addresses import NotPublic
from krai.outbound.connect import Outbound
from krai.outbound.pace import Pace
from krai.webhooks.callbacks import Answer

TOTAL_S = 15.0
READ_BYTES = 1024


def post(url: str, body: bytes, headers: dict[str, str], *, outbound: Outbound, now: datetime, total_s: float = TOTAL_S) -> Answer:
    """Send `body`; blocks for `total_s` seconds at most, from the look-up of the name to the end of the answer."""
    pace = Pace(window_s=total_s, total_s=total_s)
    try:
        urls.check(url)
        with outbound.client(pace) as client, client.stream("POST", url, content=body, headers=headers) as received:
            answer = _judge(received.status_code, received.headers.get("retry-after", ""), now)
            _read_a_little(received)
    except (urls.Malformed, NotPublic, httpx.InvalidURL, UnicodeError):
        # The last one: a name with xn-- that stands for no characters, which httpx finds out late.
        return Answer(error="webhook_blocked")
    except httpx.TimeoutException:
        return Answer(error="webhook_timeout")
    except httpx.TransportError:
        return Answer(error="webhook_unreachable")
    return answer


def _judge(status: int, retry_after: str, now: datetime) -> Answer:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Answer(status=status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Answer(status=status, error="webhook_redirect")
    return Answer(status=status, error="webhook_http_error", retry_after_s=_seconds(retry_after, now))


def _seconds(retry_after: str, now: datetime) -> float:
    """RFC 9110, 10.2.3: seconds, or a date. 0 for anything else."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after[:9])
    try:
        moment = email.utils.parsedate_to_datetime(retry_after)
        return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    except (ValueError, OverflowError):
        return 0


def _read_a_little(received: httpx.Response) -> None:
    """So that a receiver with little to say can say it to the end; its answer is known already, and stays so whatever comes."""
    seen_bytes = 0
    try:
        for chunk in received.iter_raw(READ_BYTES):
            seen_bytes += len(chunk)
            if seen_bytes >= READ_BYTES:
                return
    except httpx.TransportError:
        return
