"""How an issuer describes itself (OpenID Connect Discovery 1.0), as far as krai believes it."""

from dataclasses import dataclass
from typing import Any

import httpx

from krai.identity import documents
from krai.identity.documents import Unreadable
from krai.identity.issuers import is_on_loopback, may_be_believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The endpoints where people sign in and where codes become tokens.

    `secret_in_form`: the token endpoint takes a client's secret by client_secret_post alone. `names_itself`: whoever comes back from
    there brings the issuer's name (RFC 9207).
    """

    authorization: str
    token: str
    secret_in_form: bool
    names_itself: bool


@dataclass(frozen=True, slots=True)
class Description:
    """`places` is None where nobody can sign in: issuers that sign tokens of machines have keys and nothing else."""

    jwks_uri: str
    places: Places | None


async def read(client: httpx.AsyncClient, issuer: str) -> Description:
    """Raises Unreadable, also when there is no place for keys that can be believed."""
    document = await documents.read(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    said = document.value
    if said.get("issuer") != issuer:
        raise Unreadable("its discovery is of another issuer")
    jwks_uri = _believed(said.get("jwks_uri"), issuer)
    if jwks_uri is None:
        raise Unreadable("its jwks_uri is not https")
    return Description(jwks_uri, _places(said, issuer))


def _places(said: dict[str, Any], issuer: str) -> Places | None:
    authorization, token = (_believed(said.get(f"{name}_endpoint"), issuer) for name in ("authorization", "token"))
    if authorization is None or token is None:
        return None
    methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Places(
        authorization=authorization,
        token=token,
        secret_in_form=isinstance(methods, list) and "client_secret_post" in methods and "client_secret_basic" not in methods,
        names_itself=said.get("authorization_response_iss_parameter_supported") is True,
    )


def _believed(url: Any, issuer: str) -> str | None:
    """The URL when it is https, or http on loopback where the issuer is too; a fragment has no place in an endpoint (RFC 6749, 3.1)."""
    sound = isinstance(url, str) and "#" not in url and may_be_believed(url, loopback=is_on_loopback(issuer))
    return url if sound else None
