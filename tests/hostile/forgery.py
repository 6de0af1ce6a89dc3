"""ID tokens that nobody should believe, by what is wrong with them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.identity.provider import EC, OTHER, RSA, Provider, signed

Forge = Callable[[Provider], bytes]


def packed(*parts: bytes) -> bytes:
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


def unsigned(header: Mapping[str, Any], signature: bytes = b"x") -> Forge:
    """A sound payload under any header, with bytes for a signature."""
    return lambda provider: packed(json.dumps(header).encode(), json.dumps(provider.claims()).encode(), signature)


def by_the_public_key(provider: Provider) -> bytes:
    """HS256, whose secret is the text of the public key: whoever takes the algorithm from the token is taken in."""
    text = packed(b'{"alg":"HS256","kid":"rsa"}', json.dumps(provider.claims()).encode())
    return text + b"." + packed(hmac.digest(RSA.as_pem(private=False), text, hashlib.sha256))


def saying(**claims: Any) -> Forge:
    """Well signed, with other claims; ... leaves one out."""
    return lambda provider: provider.token(**claims)


def in_so_many_words(name: str, value: str) -> Forge:
    """Well signed, with a claim that no JSON library would write."""

    def forge(provider: Provider) -> bytes:
        payload = json.dumps(provider.claims(**{name: "HERE"})).replace('"HERE"', value)
        return signed(payload.encode())

    return forge


def with_payload(payload: bytes, header: Mapping[str, Any] | None = None) -> Forge:
    return lambda _: signed(payload, header=header)


def with_header(**header: Any) -> Forge:
    return lambda provider: provider.token(header=header)


def by_somebody_else(provider: Provider) -> bytes:
    return provider.token(OTHER, {"kid": "rsa"})


def with_another_ending(provider: Provider) -> bytes:
    head, payload, signature = provider.token(EC).split(b".")
    return b".".join((head, payload, signature[:-4] + (b"AAAA" if signature[-4:] != b"AAAA" else b"BBBB")))
