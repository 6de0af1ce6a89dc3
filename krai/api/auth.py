"""Who asks: every credential becomes a `Principal` here, and nowhere else."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from krai.errors import Terminal

DEPLOYMENT = "api-key"  # the principal behind the deployment's own API_KEY


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: sees what it has created itself, an admin everything."""

    id: str
    admin: bool = False

    @property
    def owner(self) -> str | None:
        """Whose jobs it may see; None: everybody's."""
        return None if self.admin else self.id


class Keys:
    """API keys, of which only digests are kept."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        self._principals = {_digest(key.encode()): principal for key, principal in principals.items()}

    def find(self, key: bytes) -> Principal | None:
        """Compares digests, all of them and in constant time: neither length nor content of a key can be timed."""
        sent, found = _digest(key), None
        for known, principal in self._principals.items():
            if hmac.compare_digest(known, sent):
                found = principal
        return found


async def authenticate(connection: HTTPConnection) -> Principal:
    """Raises Terminal ambiguous_credentials, unauthenticated, invalid_key."""
    headers: list[tuple[bytes, bytes]] = connection.scope["headers"]
    sent = [value for name, value in headers if name == b"x-api-key"]
    tokens = [value for name, value in headers if name == b"authorization"]
    if len(sent) + len(tokens) > 1:
        raise Terminal("ambiguous_credentials")
    if not sent or not sent[0]:
        raise Terminal("unauthenticated")
    keys: Keys = connection.app.state.api.keys
    principal = keys.find(sent[0])
    if principal is None:
        raise Terminal("invalid_key")
    return principal


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
