"""Signatures of manifests: a compact JWS (RFC 7515) whose payload stands beside it, byte for byte (RFC 7797), by Ed25519 (RFC 9864).

What is signed is the header of the JWS, a point, and the file as it is.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_KEY_BYTES = 32


class BadSignature(Exception):
    """The file is not what was signed by one of the keys; the text says why."""


class SigningKey:
    """`key_id` is the thumbprint of the public key (RFC 7638), so equal keys have equal ids."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = jwk(self._key.public_key().public_bytes_raw())
        self.key_id = self.public["kid"]

    @classmethod
    def read(cls, text: str) -> Self:
        """From the 32 bytes of the seed in base64, or from PEM, also in one line. Raises ValueError."""
        if "-----" not in text:
            return cls(_raw(text))
        try:
            key = load_pem_private_key(text.replace("\\n", "\n").encode(), None)
        except (TypeError, UnsupportedAlgorithm) as error:
            raise ValueError("no private key without a password") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("no Ed25519 key")  # noqa: TRY004 - a value of the wrong kind, not a type in the code
        return cls(key.private_bytes_raw())

    def sign(self, payload: bytes) -> str:
        """The compact JWS, its payload left out."""
        header = _encoded(json.dumps({"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": self.key_id}, separators=(",", ":")).encode())
        return f"{header}..{_encoded(self._key.sign(header.encode() + b'.' + payload))}"


def public_key(text: str) -> dict[str, str]:
    """The JWK of a public key whose 32 bytes are given in base64. Raises ValueError."""
    return jwk(_raw(text))


def jwk(public: bytes) -> dict[str, str]:
    """RFC 8037, with the thumbprint (RFC 7638) as its id."""
    members = {"crv": "Ed25519", "kty": "OKP", "x": _encoded(public)}
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**members, "kid": _encoded(thumbprint), "alg": "Ed25519", "use": "sig"}


def verify(payload: bytes, signature: str, keys: Iterable[Mapping[str, Any]]) -> str:
    """The id of the key, one of `keys` (JWKs), that has signed the payload. Raises BadSignature."""
    try:
        header, middle, signed = signature.strip().split(".")
        said = json.loads(_decoded(header))
        if middle or said["alg"] != "Ed25519" or said["b64"] is not False or said["crit"] != ["b64"]:
            raise BadSignature("The signature is not of the form that krai writes.")
        key_id = str(said["kid"])
        signature_bytes = _decoded(signed)
    except (ValueError, KeyError, TypeError):
        raise BadSignature("The signature file cannot be read.") from None
    key = next((key for key in keys if key.get("kid") == key_id), None)
    if key is None:
        raise BadSignature("None of the keys is the one that it was signed with.")
    try:
        Ed25519PublicKey.from_public_bytes(_raw(str(key.get("x")))).verify(signature_bytes, header.encode() + b"." + payload)
    except (InvalidSignature, ValueError):
        raise BadSignature("The manifest is not what was signed.") from None
    return key_id


def _raw(text: str) -> bytes:
    key = _decoded(text.strip().rstrip("="))
    if len(key) != _KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return key


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """base64 with either alphabet. Raises ValueError."""
    return base64.b64decode(text.translate(str.maketrans("-_", "+/")) + "=" * (-len(text) % 4), validate=True)
