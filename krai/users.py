"""The allowlist: who may sign in, by e-mail address.

An address belongs to the first identity (issuer and subject) that signs in with it. Providers give addresses of people who have left
to others; such a one is turned away until an admin has removed the address and added it anew.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from krai import observe
from krai.access import BY_ROLE, Principal, Role
from krai.errors import FieldError, Terminal
from krai.job import format_time, parse_time
from krai.known import Known
from krai.ports import Directory

COLLECTION = "allowed_emails"
# RFC 5322's dot-atom at a host name: what providers give out. Quoted local parts and address literals are not among it.
ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.ASCII
)
LONGEST_ADDRESS = 254
TRUSTED_S = 30.0  # so long a removed user may go on where just seen


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    email: str
    role: Role
    groups: frozenset[str]
    added_at: datetime
    added_by: str
    identity: str | None = None  # `issuer|sub` of who has signed in with it first

    def to_doc(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "groups": sorted(self.groups),
            "added_at": format_time(self.added_at),
            "added_by": self.added_by,
            "identity": self.identity,
        }

    @classmethod
    def from_doc(cls, email: str, doc: dict[str, Any]) -> Self:
        return cls(
            email=email,
            role=Role(doc["role"]),
            groups=frozenset(doc.get("groups", ())),
            added_at=parse_time(doc["added_at"]),
            added_by=doc["added_by"],
            identity=doc.get("identity"),
        )


def normalised(email: str) -> str:
    """The address as it is kept: in small letters, without blanks around it. Raises Terminal invalid_field."""
    address = email.strip().lower()
    local = address.partition("@")[0]
    sound = ADDRESS.fullmatch(address) and len(address) <= LONGEST_ADDRESS and ".." not in local and local.strip(".") == local
    if not sound:
        detail = "Takes an e-mail address such as ada@example.org."
        raise Terminal("invalid_field", detail, errors=[FieldError("/email", "invalid_field", detail)])
    return address


class Users:
    """The allowlist in a directory, remembered for half a minute."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: Known[User] = Known()

    async def put(self, email: str, role: Role, groups: Iterable[str], *, by: Principal, now: datetime) -> User:
        """Let somebody in, or change what they may do. Raises Terminal invalid_field."""
        address = normalised(email)

        def step(doc: dict[str, Any] | None) -> dict[str, Any]:
            fresh = User(email=address, role=role, groups=frozenset(groups), added_at=now, added_by=by.id).to_doc()
            return fresh if doc is None else {**doc, "role": fresh["role"], "groups": fresh["groups"]}

        doc = await self._directory.change(COLLECTION, address, step)
        self._known.forget(address)
        observe.log().info("user allowed", email=address, role=role, by=by.id)
        return User.from_doc(address, doc or {})

    async def remove(self, email: str, *, by: Principal) -> None:
        """Raises Terminal invalid_field, not_found."""
        address = normalised(email)
        if await self._directory.get(COLLECTION, address) is None:
            raise Terminal("not_found")
        await self._directory.delete(COLLECTION, address)
        self._known.forget(address)
        observe.log().info("user removed", email=address, by=by.id)

    async def all(self) -> Sequence[User]:
        """By address."""
        return [User.from_doc(email, doc) for email, doc in await self._directory.list(COLLECTION)]

    async def admit(self, email: str, identity: str, *, tenant: str) -> Principal:
        """Who has signed in with this address, which becomes theirs. Raises Terminal not_allowed."""
        user = await self._look(email)
        if user is not None and user.identity is None:
            user = await self._bind(user.email, identity)
        if user is None or user.identity != identity:
            raise Terminal("not_allowed")
        return Principal(id=identity, scopes=BY_ROLE[user.role], email=user.email, groups=user.groups, tenant=tenant)

    async def still(self, principal: Principal, *, maker: str) -> Principal:
        """The principal of a key that the identity `maker` has made, or of its session, with no more than that person may do now.

        Raises Terminal not_allowed, also when the address is on the list again but is somebody else's by now.
        """
        user = await self._look(principal.email or "")
        if user is None or user.identity != maker:
            raise Terminal("not_allowed")
        return replace(principal, scopes=principal.scopes & BY_ROLE[user.role], groups=user.groups)

    async def _look(self, email: str) -> User | None:
        try:
            address = normalised(email)
        except Terminal:
            return None

        async def read() -> User | None:
            doc = await self._directory.get(COLLECTION, address)
            return None if doc is None else User.from_doc(address, doc)

        return await self._known.look(address, TRUSTED_S, read)

    async def _bind(self, address: str, identity: str) -> User | None:
        def step(doc: dict[str, Any] | None) -> dict[str, Any] | None:
            return doc if doc is None or doc.get("identity") else {**doc, "identity": identity}

        doc = await self._directory.change(COLLECTION, address, step)
        self._known.forget(address)
        return None if doc is None else User.from_doc(address, doc)
