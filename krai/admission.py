"""From a credential to the principal it stands for."""

import hashlib
import hmac
from datetime import timedelta

from krai import keys, sessions
from krai.access import ALL, DEPLOYMENT, Principal
from krai.errors import Terminal
from krai.grants import Grants
from krai.identity.tokens import Identity, Tokens
from krai.ports import Stores
from krai.users import Users


class Admission:
    """`api_key` is the deployment's own: it may do everything, and no store has to be asked for it. `tokens` are those of the issuers
    this deployment knows, None where it knows none.
    """

    def __init__(self, stores: Stores, api_key: str, tokens: Tokens | None) -> None:
        self._stores = stores
        self._tokens = tokens
        self._deployment = _digest(api_key.encode())
        self.users = Users(stores.directory)
        self.grants = Grants(stores.directory)

    async def by_key(self, text: bytes) -> Principal:
        """Raises Terminal invalid_key; not_allowed when the person behind the key is not allowed any more."""
        # Digests are compared: neither length nor content of a key can be timed, whatever bytes were sent.
        if hmac.compare_digest(self._deployment, _digest(text)):
            return Principal(id=DEPLOYMENT, scopes=ALL)
        key = await keys.find(self._stores.directory, text, self._stores.jobs.now())
        if key is None:
            raise Terminal("invalid_key")
        return key.principal if key.email is None else await self.users.still(key.principal, maker=key.owner)

    async def by_token(self, token: bytes) -> Principal:
        """Raises Terminal invalid_token, not_allowed; Transient auth_unavailable."""
        if self._tokens is None:
            raise Terminal("invalid_token", "This deployment knows no issuer of ID tokens.")
        identity = await self._tokens.identify(token)
        return await self.users.admit(identity.email, identity.id, tenant=identity.tenant)

    async def by_session(self, text: str) -> Principal:
        """Raises Terminal unauthenticated when it has ended; not_allowed when the person is not allowed any more, or only anew: an
        address that was removed and added again may be somebody else's by now.
        """
        session = await sessions.find(self._stores.directory, text, self._stores.jobs.now())
        if session is None:
            raise Terminal("unauthenticated", "The session has ended: sign in again at /login.")
        person = Principal(id=session.identity, scopes=ALL, email=session.email, tenant=session.tenant)
        return await self.users.still(person, maker=session.identity)

    async def sign_in(self, identity: Identity, *, lives: timedelta) -> str:
        """The text of a new session. Raises Terminal not_allowed."""
        person = await self.users.admit(identity.email, identity.id, tenant=identity.tenant)
        return await sessions.begin(self._stores.directory, person, now=self._stores.jobs.now(), lives=lives)


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).digest()
