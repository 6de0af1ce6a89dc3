"""The secrets that callers know what krai sends them by. Each caller has its own, made when it is first needed.

Kept as they are, unlike keys: who signs needs the secret itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from krai import observe
from krai.job import format_time, parse_time
from krai.ports import Directory
from krai.webhooks.signing import new_secret

COLLECTION = "webhook_secrets"
KEEP_OLD = timedelta(hours=24)
MOST_OLD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """`until`: when an older secret ends; None for the newest."""

    text: str
    created_at: datetime
    until: datetime | None = None

    def to_doc(self) -> dict[str, Any]:
        until = None if self.until is None else format_time(self.until)
        return {"text": self.text, "created_at": format_time(self.created_at), "until": until}

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        until = None if doc["until"] is None else parse_time(doc["until"])
        return cls(text=doc["text"], created_at=parse_time(doc["created_at"]), until=until)


def name_of_webhook(webhook_id: str) -> str:
    """What stands for a registered webhook in the place of a caller: it has a secret of its own. No principal has such a name."""
    return f"webhook:{webhook_id}"


async def of_webhook(directory: Directory, webhook_id: str, now: datetime) -> Sequence[SigningSecret]:
    return await of(directory, name_of_webhook(webhook_id), now)


async def of(directory: Directory, principal: str, now: datetime) -> Sequence[SigningSecret]:
    """Those that sign for the caller now, newest first; never none."""
    doc = await directory.get(COLLECTION, principal)
    if doc is None:
        first = _doc([SigningSecret(text=new_secret(), created_at=now)])
        doc = await directory.change(COLLECTION, principal, lambda there: there or first) or first
        observe.log().info("webhook secret made", principal=principal)
    return _alive(doc, now)


async def replace(directory: Directory, principal: str, now: datetime) -> Sequence[SigningSecret]:
    """A new secret for the caller; the one before signs beside it for a day. Newest first."""
    new = SigningSecret(text=new_secret(), created_at=now)

    def step(doc: dict[str, Any] | None) -> dict[str, Any]:
        before = [] if doc is None else _alive(doc, now)
        if before[:1] == [new]:
            return _doc(before)  # it was written, and only the answer was lost
        end = now + KEEP_OLD
        old = [SigningSecret(text=secret.text, created_at=secret.created_at, until=secret.until or end) for secret in before]
        return _doc([new, *old[:MOST_OLD]])

    doc = await directory.change(COLLECTION, principal, step)
    observe.log().info("webhook secret replaced", principal=principal)
    return _alive(doc or _doc([new]), now)


async def forget_webhook(directory: Directory, webhook_id: str) -> None:
    await directory.delete(COLLECTION, name_of_webhook(webhook_id))


def _doc(kept: Sequence[SigningSecret]) -> dict[str, Any]:
    return {"secrets": [secret.to_doc() for secret in kept]}


def _alive(doc: dict[str, Any], now: datetime) -> list[SigningSecret]:
    kept = [SigningSecret.from_doc(secret) for secret in doc["secrets"]]
    return [secret for secret in kept if secret.until is None or secret.until > now]
