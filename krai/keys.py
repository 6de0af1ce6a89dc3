"""API keys: shown once, when they are made, and kept as digests.

    krai_<id>_<secret><crc>      16 hexadecimal digits, 43 letters of base 62 (256 random bits), 6 of base 62

The crc is the CRC-32 of all that stands before it: it tells a mistyped key, and tells a scanner that it has found a real one, without
asking anybody. A key that was rotated has two secrets for a while; a key that was revoked is gone.
"""

import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from krai import observe
from krai.access import OF_USERS, Principal, Scope
from krai.errors import KraiError, Terminal
from krai.job import format_time, parse_time
from krai.ports import Directory

COLLECTION = "keys"
PRINCIPAL = "key:"  # and the id: what a key creates belongs to it
SHAPE = re.compile(rb"(krai_([0-9a-f]{16})_[0-9A-Za-z]{43})([0-9A-Za-z]{6})")
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
SECRET_LETTERS, CRC_LETTERS = 43, 6
USE_NOTED_EVERY = timedelta(hours=1)
MOST_SECRETS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """`until`: when an older secret ends; None for the one that was given out last."""

    sha256: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is kept of a key. `owner` is the principal that made it, `email` and `tenant` are that one's."""

    key_id: str
    name: str
    owner: str
    email: str | None
    tenant: str | None = None
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = None  # to the hour
    secrets: tuple[Secret, ...] = ()

    @property
    def principal(self) -> Principal:
        return Principal(id=f"{PRINCIPAL}{self.key_id}", scopes=self.scopes, email=self.email, tenant=self.tenant)

    def to_doc(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "owner": self.owner,
            "email": self.email,
            "tenant": self.tenant,
            "scopes": sorted(self.scopes),
            "created_at": format_time(self.created_at),
            "expires_at": _text(self.expires_at),
            "last_used_at": _text(self.last_used_at),
            "secrets": [{"sha256": secret.sha256, "until": _text(secret.until)} for secret in self.secrets],
        }

    @classmethod
    def from_doc(cls, key_id: str, doc: dict[str, Any]) -> Self:
        return cls(
            key_id=key_id,
            name=doc["name"],
            owner=doc["owner"],
            email=doc["email"],
            tenant=doc.get("tenant"),
            scopes=frozenset(Scope(scope) for scope in doc["scopes"]),
            created_at=parse_time(doc["created_at"]),
            expires_at=_time(doc["expires_at"]),
            last_used_at=_time(doc["last_used_at"]),
            secrets=tuple(Secret(sha256=secret["sha256"], until=_time(secret["until"])) for secret in doc["secrets"]),
        )


async def make(
    directory: Directory, maker: Principal, *, name: str, scopes: Iterable[Scope] = OF_USERS, now: datetime, expires_at: datetime | None
) -> tuple[Key, str]:
    """A new key and its text. Raises Terminal not_allowed: no key may do more than who makes it."""
    for scope in scopes:
        maker.demand(scope)
    key_id = secrets.token_hex(8)
    text = compose(key_id)
    key = Key(
        key_id=key_id,
        name=name,
        owner=maker.id,
        email=maker.email,
        tenant=maker.tenant,
        scopes=frozenset(scopes),
        created_at=now,
        expires_at=expires_at,
        secrets=(Secret(sha256=_digest(text.encode())),),
    )
    await directory.put(COLLECTION, key_id, key.to_doc())
    observe.log().info("key made", key_id=key_id, by=maker.id, scopes=sorted(scopes))
    return key, text


async def rotate(directory: Directory, caller: Principal, key_id: str, *, now: datetime, keep_old: timedelta) -> tuple[Key, str]:
    """The key with a new secret; the one before goes on for `keep_old`. Raises Terminal not_found.

    Not for admins: whoever gets the secret could act in the name of the key's owner, so theirs is to revoke it.
    """
    text = compose(key_id)
    new = Secret(sha256=_digest(text.encode()))

    def step(doc: dict[str, Any] | None) -> dict[str, Any]:
        key = _own(key_id, doc, replace(caller, scopes=OF_USERS))
        if new in key.secrets:
            return key.to_doc()  # it was written, and only the answer was lost
        end = now + keep_old
        old = [replace(secret, until=min(secret.until or end, end)) for secret in key.secrets[: MOST_SECRETS - 1]]
        return replace(key, secrets=(new, *old)).to_doc()

    doc = await directory.change(COLLECTION, key_id, step)
    observe.log().info("key rotated", key_id=key_id, by=caller.id)
    return _own(key_id, doc, caller), text


async def revoke(directory: Directory, caller: Principal, key_id: str) -> None:
    """From now on nobody gets in by this key. Raises Terminal not_found."""

    def step(doc: dict[str, Any] | None) -> None:
        _own(key_id, doc, caller)

    await directory.change(COLLECTION, key_id, step)
    observe.log().info("key revoked", key_id=key_id, by=caller.id)


async def of(directory: Directory, caller: Principal) -> Sequence[Key]:
    """The keys that the caller may see: its own, an admin's are all. Oldest first."""
    found = [Key.from_doc(key_id, doc) for key_id, doc in await directory.list(COLLECTION)]
    return sorted((key for key in found if _may_see(key, caller)), key=lambda key: key.created_at)


async def find(directory: Directory, text: bytes, now: datetime) -> Key | None:
    """The key whose text this is. None when there is none, or no more. What is no key's text costs nothing."""
    shape = SHAPE.fullmatch(text)
    if shape is None or _crc(shape.group(1)).encode() != shape.group(3):
        return None
    key_id = shape.group(2).decode()
    doc = await directory.get(COLLECTION, key_id)
    if doc is None:
        return None
    key, digest = Key.from_doc(key_id, doc), _digest(text)
    alive = [secret.sha256 for secret in key.secrets if secret.until is None or secret.until > now]
    if (key.expires_at is not None and key.expires_at <= now) or not any(hmac.compare_digest(known, digest) for known in alive):
        return None
    if key.last_used_at is None or now - key.last_used_at >= USE_NOTED_EVERY:
        await _note_use(directory, key_id, now)
    return key


def compose(key_id: str, secret: str | None = None) -> str:
    """The text of a key with a new secret."""
    plain = f"krai_{key_id}_{secret or ''.join(secrets.choice(LETTERS) for _ in range(SECRET_LETTERS))}"
    return plain + _crc(plain.encode())


async def _note_use(directory: Directory, key_id: str, now: datetime) -> None:
    try:
        await directory.change(COLLECTION, key_id, lambda doc: None if doc is None else {**doc, "last_used_at": format_time(now)})
    except KraiError as error:
        observe.log().warning("use of a key not noted", key_id=key_id, code=error.code)  # that is no reason to keep its owner out


def _own(key_id: str, doc: dict[str, Any] | None, caller: Principal) -> Key:
    key = None if doc is None else Key.from_doc(key_id, doc)
    if key is None or not _may_see(key, caller):
        raise Terminal("not_found")
    return key


def _may_see(key: Key, caller: Principal) -> bool:
    """A key may be looked at, rotated and revoked by itself too: scripts renew their own."""
    return caller.admin or caller.id in {key.owner, key.principal.id}


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _crc(plain: bytes) -> str:
    number, letters = binascii.crc32(plain), ""
    for _ in range(CRC_LETTERS):
        number, letter = divmod(number, len(LETTERS))
        letters = LETTERS[letter] + letters
    return letters


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


def _time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
