"""One message to one receiver: signed, sent from a thread of its own, and what came of it."""

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from threading import Thread
from typing import Any

from krai.job import format_time
from krai.outbound.connect import Outbound
from krai.webhooks import signing
from krai.webhooks.callbacks import Answer
from krai.webhooks.post import TOTAL_S, post
from krai.webhooks.signing_secrets import SigningSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told. `message_id` is the same with every attempt, and holds no full stop."""

    message_id: str
    type: str
    timestamp: datetime  # when it happened
    data: dict[str, Any]

    @property
    def body(self) -> bytes:
        told = {"type": self.type, "timestamp": format_time(self.timestamp), "data": self.data}
        return json.dumps(told, separators=(",", ":")).encode()


async def send(
    message: Message, url: str, signed_with: Sequence[SigningSecret], *, outbound: Outbound, now: datetime, total_s: float = TOTAL_S
) -> Answer:
    body = message.body
    headers = signing.headers(message.message_id, body, [secret.text for secret in signed_with], now)
    return await _in_a_thread(lambda: post(url, body, headers, outbound=outbound, now=now, total_s=total_s))


async def _in_a_thread(call: Callable[[], Answer]) -> Answer:
    """As `asyncio.to_thread`, but not in its pool, where slow receivers would keep out all others, nor one that an end waits for."""
    answer: Future[Answer] = Future()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            answer.set_exception(error)

    Thread(target=run, name="callback", daemon=True).start()
    return await asyncio.wrap_future(answer)
