"""People sign in at an issuer by the authorization code flow (OpenID Connect Core 1.0, 3.1), with PKCE (RFC 7636, S256)."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

import httpx

from krai import observe
from krai.errors import Terminal, Transient
from krai.identity import documents
from krai.identity.discovery import Places
from krai.identity.documents import Unreadable
from krai.identity.issuers import Issuer
from krai.identity.tokens import Identity, Tokens

SCOPE = "openid email"
RANDOM_BYTES = 32
LONGEST_CODE = 4096
# RFC 6749, 5.2: words that an operator may read in the log.
ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
        "access_denied",
    }
)


def _random() -> str:
    return secrets.token_urlsafe(RANDOM_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """A sign-in at `issuer` under way. Whoever comes back brings `state`, the token brings `nonce`, and `verifier` goes with the code."""

    issuer: str
    state: str = field(default_factory=_random)
    nonce: str = field(default_factory=_random, repr=False)
    verifier: str = field(default_factory=_random, repr=False)


class SignIn:
    """Sign-ins at the issuers of `tokens`; of an issuer that stands there more than once, by its first entry."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._issuers = {issuer.issuer: issuer for issuer in reversed(tokens.issuers)}

    @property
    def issuers(self) -> Sequence[Issuer]:
        """In the order of the settings."""
        return tuple(reversed(self._issuers.values()))

    async def begin(self, handshake: Handshake, redirect_uri: str) -> str:
        """The address at the issuer that the browser goes to. Raises Terminal login_failed; Transient auth_unavailable."""
        issuer, places = await self._places(handshake)
        asked = {
            "response_type": "code",
            "client_id": issuer.audience,
            "redirect_uri": redirect_uri,
            "scope": SCOPE,
            "state": handshake.state,
            "nonce": handshake.nonce,
            "code_challenge": _challenge(handshake.verifier),
            "code_challenge_method": "S256",
        }
        return str(httpx.URL(places.authorization).copy_merge_params(asked))

    async def finish(self, handshake: Handshake, redirect_uri: str, *, code: str, iss: str | None) -> Identity:
        """Who has signed in; `code` and `iss` are what the browser came back with.

        Raises Terminal login_failed; Transient auth_unavailable.
        """
        issuer, places = await self._places(handshake)
        # Another issuer's code would be sent to this one (RFC 9207).
        if iss != issuer.issuer and (iss is not None or places.names_itself):
            raise Terminal("login_failed", "The answer is of another identity provider.")
        if not 0 < len(code) <= LONGEST_CODE:
            raise Terminal("login_failed", "The identity provider's answer has no code.")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": handshake.verifier}
        said = await self._exchange(issuer, places, form)
        token = said.get("id_token")
        if not isinstance(token, str):
            raise Terminal("login_failed", "The identity provider gave no ID token.")
        try:
            identity = await self._tokens.identify(token.encode("utf-8", "surrogatepass"), nonce=handshake.nonce)
        except Terminal as error:
            observe.log().warning("ID token refused", issuer=issuer.issuer, reason=error.detail)
            raise Terminal("login_failed", f"The identity provider's ID token is not valid. {error.detail}") from None
        if identity.issuer != issuer.issuer:
            raise Terminal("login_failed", "The ID token is of another identity provider.")
        return identity

    async def _places(self, handshake: Handshake) -> tuple[Issuer, Places]:
        issuer = self._issuers.get(handshake.issuer)
        if issuer is None:
            raise Terminal("login_failed", "This identity provider is not known here.")
        places = await self._tokens.providers[issuer.issuer].places()
        if places is None:
            raise Terminal("login_failed", "This identity provider gives tokens, but lets nobody sign in from a browser.")
        return issuer, places

    async def _exchange(self, issuer: Issuer, places: Places, form: dict[str, str]) -> dict[str, Any]:
        auth = None
        if issuer.client_secret is None or places.secret_in_form:
            form["client_id"] = issuer.audience
        if issuer.client_secret is not None:
            if places.secret_in_form:
                form["client_secret"] = issuer.client_secret
            else:
                auth = httpx.BasicAuth(quote_plus(issuer.audience), quote_plus(issuer.client_secret))  # RFC 6749, 2.3.1
        try:
            status, said = await documents.send(self._tokens.client, places.token, form, auth)
        except Unreadable as error:
            observe.log().warning("code not exchanged", issuer=issuer.issuer, reason=str(error))
            raise Transient("auth_unavailable", "The identity provider does not answer as it should.") from None
        if status is not HTTPStatus.OK:
            told = said.get("error")
            observe.log().warning("code refused", issuer=issuer.issuer, reason=told if told in ERRORS else "another error")
            raise Terminal("login_failed", "The identity provider does not take its code back.")
        return said


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
