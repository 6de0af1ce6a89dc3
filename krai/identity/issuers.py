"""Who may vouch for a caller: the issuers of OpenID Connect that a deployment trusts."""

import ipaddress
from dataclasses import dataclass, field

import httpx

GOOGLE = "https://accounts.google.com"
_GOOGLE_SHORT = "accounts.google.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """One issuer: `issuer` is its URL, `audience` the client its tokens must be made for, `tenant` the name krai has for it.

    `client_secret` is None for a public client, which proves by PKCE alone that a code is its own.

    Raises ValueError when the URL is neither https nor http on loopback, or has a query, a fragment or a user.
    """

    issuer: str
    audience: str
    tenant: str
    client_secret: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not may_be_believed(self.issuer, loopback=True) or any(mark in self.issuer for mark in "?#|"):
            raise ValueError("an issuer is an https URL without query and fragment; http is for loopback only")


def google(client_id: str, client_secret: str | None = None) -> Issuer:
    return Issuer(issuer=GOOGLE, audience=client_id, tenant="google", client_secret=client_secret)


def means(iss: str, issuer: Issuer) -> bool:
    """Whether a token's `iss` is this issuer, letter by letter; Google alone writes itself in two ways."""
    return iss == issuer.issuer or (issuer.issuer == GOOGLE and iss == _GOOGLE_SHORT)


def host_of(issuer: Issuer) -> str:
    return httpx.URL(issuer.issuer).host


def may_be_believed(url: str, *, loopback: bool) -> bool:
    """Whether what comes from there can be believed: https, or with `loopback` also http on this machine."""
    parsed = _parsed(url)
    if parsed is None or not parsed.host or parsed.userinfo:
        return False
    return parsed.scheme == "https" or (loopback and is_on_loopback(url))


def is_on_loopback(url: str) -> bool:
    """Whether it is plain http on this machine."""
    parsed = _parsed(url)
    if parsed is None or parsed.scheme != "http":
        return False
    try:
        return ipaddress.ip_address(parsed.host).is_loopback
    except ValueError:
        return parsed.host == "localhost"


def _parsed(url: str) -> httpx.URL | None:
    """As the client reads it that is going to ask there: two readers may see two hosts in one URL."""
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        return None
