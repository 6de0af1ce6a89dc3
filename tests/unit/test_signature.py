"""Signatures over the bytes of a file, held against the RFC's own keys, openssl's and joserfc."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import OKPKey

from krai.signature import BadSignature, SigningKey, public_key, verify

# RFC 8037, appendix A.
SEED = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEY = SigningKey.read(SEED)
PAYLOAD = b'{"a": "\xc3\xa9.\xff"}\n'


def test_keys_are_those_of_the_rfc() -> None:
    assert KEY.public == {"crv": "Ed25519", "kty": "OKP", "x": PUBLIC, "kid": THUMBPRINT, "alg": "Ed25519", "use": "sig"}
    assert public_key(PUBLIC) == KEY.public


def test_what_is_signed_is_found_good_and_nothing_else() -> None:
    signed = KEY.sign(PAYLOAD)
    assert verify(PAYLOAD, signed + "\n", [SigningKey(b"x" * 32).public, KEY.public]) == THUMBPRINT
    for other in (PAYLOAD + b" ", PAYLOAD[:-1], b""):
        with pytest.raises(BadSignature, match="not what was signed"):
            verify(other, signed, [KEY.public])


def test_a_library_for_jws_finds_it_good() -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": PUBLIC})
    signed = jws.deserialize_compact(KEY.sign(PAYLOAD), key, ["Ed25519"], payload=PAYLOAD)
    assert signed.headers()["kid"] == THUMBPRINT
    with pytest.raises(BadSignatureError):
        jws.deserialize_compact(KEY.sign(PAYLOAD), key, ["Ed25519"], payload=PAYLOAD + b" ")


HEADER, _, SIGNATURE = KEY.sign(PAYLOAD).split(".")


def altered(**members: object) -> str:
    said = json.loads(base64.urlsafe_b64decode(HEADER + "=="))
    return base64.urlsafe_b64encode(json.dumps({**said, **members}).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "signed",
    [
        f"{HEADER}..{SIGNATURE[:-3]}AAA",
        f"{HEADER}.e30.{SIGNATURE}",
        f"{HEADER}..",
        SIGNATURE,
        "",
        f"é{HEADER}..{SIGNATURE}",
        f"{altered(alg='none')}..{SIGNATURE}",
        f"{altered(b64=True)}..{SIGNATURE}",
        f"{altered(crit=['b64', 'exp'])}..{SIGNATURE}",
        f"{altered(kid='other')}..{SIGNATURE}",
        f"{altered(typ='JOSE')}..{SIGNATURE}",
        f"W10..{SIGNATURE}",
    ],
)
def test_another_signature_is_not_good(signed: str) -> None:
    assert verify(PAYLOAD, f"{HEADER}..{SIGNATURE}", [KEY.public])
    with pytest.raises(BadSignature):
        verify(PAYLOAD, signed, [KEY.public])


def test_keys_are_read_as_operators_have_them(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", file], check=True, capture_output=True)
    pem = file.read_text()
    assert SigningKey.read(pem).public == SigningKey.read(pem.replace("\n", "\\n")).public
    seed = base64.b64encode(b"\xfb" * 32).decode()
    assert SigningKey.read(seed).public == SigningKey.read(seed.rstrip("=").replace("+", "-").replace("/", "_")).public


def test_what_is_no_key_is_refused() -> None:
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    for text in ("", "short", "é" * 43, "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----", elliptic):
        with pytest.raises(ValueError, match=r"."):
            SigningKey.read(text)
