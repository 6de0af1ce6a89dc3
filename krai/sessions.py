"""Sessions of browsers: who has signed in, kept under the digest of a random text that only the browser has.

A session says who somebody is and never what they may do: that is asked of the allowlist with every request.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from krai import observe
from krai.access import Principal
from krai.job import format_time, parse_time
from krai.ports import Directory

COLLECTION = "sessions"
RANDOM_BYTES = 32
SHAPE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """`identity` is `issuer|sub`; it ends at `expires_at`, however much it is used."""

    identity: str
    email: str | None
    tenant: str | None
    created_at: datetime
    expires_at: datetime

    def to_doc(self) -> dict[str, Any]:
        return {
            "identity": self.identity,
            "email": self.email,
            "tenant": self.tenant,
            "created_at": format_time(self.created_at),
            "expires_at": format_time(self.expires_at),
        }

    @classmethod
    def from_doc(cls, doc: dict[str, Any]) -> Self:
        return cls(**{**doc, "created_at": parse_time(doc["created_at"]), "expires_at": parse_time(doc["expires_at"])})


async def begin(directory: Directory, person: Principal, *, now: datetime, lives: timedelta) -> str:
    """The text of a new session, for the browser's cookie."""
    text = secrets.token_urlsafe(RANDOM_BYTES)
    session = Session(identity=person.id, email=person.email, tenant=person.tenant, created_at=now, expires_at=now + lives)
    await directory.put(COLLECTION, _digest(text), session.to_doc())
    observe.log().info("session begun", identity=person.id)
    return text


async def find(directory: Directory, text: str, now: datetime) -> Session | None:
    """The session whose text this is. None when there is none, or no more. What is no session's text costs nothing."""
    doc = await directory.get(COLLECTION, _digest(text)) if SHAPE.fullmatch(text) else None
    session = None if doc is None else Session.from_doc(doc)
    return session if session is not None and session.expires_at > now else None


async def end(directory: Directory, text: str) -> None:
    """From now on nobody gets in by it."""
    if SHAPE.fullmatch(text):
        await directory.delete(COLLECTION, _digest(text))


async def sweep(directory: Directory, now: datetime) -> int:
    """Remove the sessions that have ended by themselves; returns how many."""
    ended = [name for name, doc in await directory.list(COLLECTION) if Session.from_doc(doc).expires_at <= now]
    for name in ended:
        await directory.delete(COLLECTION, name)
    return len(ended)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
