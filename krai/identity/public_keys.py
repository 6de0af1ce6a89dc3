"""The keys that a provider publishes (RFC 7517), as far as they can verify an ID token here."""

from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from krai.identity import base64url

SMALLEST_RSA_BITS = 2048
# A private part, which nobody should publish, or a certificate would only be one more thing that can be wrong.
_PUBLIC = ("kty", "kid", "use", "key_ops", "alg", "n", "e", "crv", "x", "y")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key for one `alg`; `kid` is None where the provider gives it no name."""

    alg: str
    kid: str | None
    key: RSAKey | ECKey


def read(published: Any) -> tuple[PublicKey, ...]:
    """Of the `keys` of a JWK set those for RS256 and ES256. Others, damaged and weak ones are left out."""
    entries = published if isinstance(published, list) else []
    return tuple(key for entry in entries if isinstance(entry, dict) and (key := _read(entry)) is not None)


def _read(entry: dict[str, Any]) -> PublicKey | None:
    kind = _kind(entry)
    if kind is None or entry.get("use", "sig") != "sig":
        return None
    alg, importing = kind
    if entry.get("alg", alg) != alg:
        return None
    try:
        key = importing.import_key({name: entry[name] for name in _PUBLIC if name in entry})
    except (JoseError, ValueError, TypeError):
        return None
    return PublicKey(alg, key.kid, key)


def _kind(entry: dict[str, Any]) -> tuple[str, type[RSAKey | ECKey]] | None:
    match entry:
        case {"kty": "RSA", "n": str(modulus)} if _bits(modulus) >= SMALLEST_RSA_BITS:
            return "RS256", RSAKey
        case {"kty": "EC", "crv": "P-256"}:
            return "ES256", ECKey
        case _:
            return None


def _bits(number: str) -> int:
    try:
        return int.from_bytes(base64url.decode(number.encode())).bit_length()
    except ValueError:
        return 0
