"""From an ID token of OpenID Connect to the identity it proves."""

import hmac
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError

from krai.identity import claims, compact, documents
from krai.identity.compact import Unverified, refuse
from krai.identity.issuers import Issuer, means
from krai.identity.provider import Provider
from krai.identity.public_keys import PublicKey


@dataclass(frozen=True, slots=True)
class Identity:
    """A person as `issuer` knows it, by its URL as configured; `email` is verified and may change, `subject` never does."""

    issuer: str
    subject: str
    email: str
    tenant: str

    @property
    def id(self) -> str:
        return f"{self.issuer}|{self.subject}"


class Tokens:
    """Verifies ID tokens of `issuers`; an issuer may stand there more than once, with an audience each.

    `tls` says which certificates of providers are trusted, None: those of public authorities. `now` is in seconds since 1970.
    """

    def __init__(
        self,
        issuers: Sequence[Issuer],
        *,
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.issuers = tuple(issuers)
        self._now = now
        self.client = documents.connect(tls)
        names = {issuer.issuer for issuer in issuers}
        self.providers = {name: Provider(name, self.client, monotonic=monotonic) for name in names}

    async def identify(self, token: bytes, *, nonce: str | None = None) -> Identity:
        """Whom the token proves. What can be seen without keys is looked at first, so that bad tokens cost next to nothing.

        `nonce`: it must be the answer to the sign-in that this belongs to, and made for nobody else.

        Raises Terminal invalid_token, Transient auth_unavailable.
        """
        said = compact.read(token)
        issuer = self._issuer(said.claims)
        claims.check_times(said.claims, self._now())
        if nonce is not None:
            _check_answer(said.claims, nonce, issuer)
        identity = Identity(issuer.issuer, claims.subject(said.claims), claims.verified_email(said.claims), issuer.tenant)
        keys = await self.providers[issuer.issuer].find_keys(said.alg, said.kid)
        if not keys:
            refuse("No key of its issuer fits it.")
        if not any(_has_signed(key, said) for key in keys):
            refuse("Its signature is wrong.")
        return identity

    async def close(self) -> None:
        for provider in self.providers.values():
            await provider.close()
        await self.client.aclose()

    def _issuer(self, said: dict[str, Any]) -> Issuer:
        iss, audience = said.get("iss"), said.get("aud")
        known = [issuer for issuer in self.issuers if isinstance(iss, str) and means(iss, issuer)]
        if not known:
            refuse("Its iss is not an issuer that is known here.")
        # A list is taken when we are alone in it, as some providers write it (RFC 7519, 4.1.3): others in it could use the token here.
        meant = next((issuer for issuer in known if audience in (issuer.audience, [issuer.audience])), None)
        if meant is None:
            refuse("Its aud is not this service.")
        return meant


def _check_answer(said: dict[str, Any], nonce: str, issuer: Issuer) -> None:
    """OpenID Connect Core 1.0, 3.1.3.7, 4 to 6 and 11."""
    claimed = said.get("nonce")
    if not isinstance(claimed, str) or not hmac.compare_digest(claimed.encode("utf-8", "surrogatepass"), nonce.encode()):
        refuse("Its nonce is not that of this sign-in.")
    if said.get("azp", issuer.audience) != issuer.audience:
        refuse("Its azp is not this service.")


def _has_signed(key: PublicKey, said: Unverified) -> bool:
    # The limits of compact.read hold already; joserfc's own are narrower than headers with certificates are.
    registry = jws.JWSRegistry(algorithms=[key.alg], strict_check_header=False)
    registry.max_header_length = registry.max_signature_length = compact.LARGEST_BYTES
    try:
        jws.deserialize_compact(said.token, key.key, registry=registry)
    except JoseError:
        return False
    return True
