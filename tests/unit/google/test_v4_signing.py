"""Signed links, checked as Cloud Storage checks them: the whole string is computed anew from Google's description of V4 signing.

https://cloud.google.com/storage/docs/authentication/canonical-requests and …/signatures
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from krai.backends.google import signing
from krai.backends.google.blobs import GcsBlobStore
from krai.backends.google.bucket import default_credentials
from krai.backends.google.signing import LinkSigner
from krai.errors import Transient
from tests.unit.google.iam_stub import Iam, serving

PATH = "jobs/1/e1/ä b?&#+%41~(1).csv"
FILENAME = 'Umsätze "2026"; x=y.csv'
DISPOSITION = "attachment; filename=\"Ums_tze _2026_; x=y.csv\"; filename*=UTF-8''Ums%C3%A4tze%20%222026%22%3B%20x%3Dy.csv"
GENERATION = "1795255527183213"
TTL_S = 900
OWNER = "krai@krai.iam.gserviceaccount.com"
SIGNER = "signer@krai.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def iam(key: rsa.RSAPrivateKey) -> Iterator[Iam]:
    with serving(Iam(key, SIGNER)) as iam:
        yield iam


@pytest.fixture
def key_file(key: rsa.RSAPrivateKey, iam: Iam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The process's own credentials: a key file whose tokens come from the stub."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    info = {"type": "service_account", "project_id": "p", "private_key": pem, "client_email": OWNER, "token_uri": f"{iam.url}/token"}
    file = tmp_path / "key.json"
    file.write_text(json.dumps(info))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    default_credentials.cache_clear()
    yield file
    default_credentials.cache_clear()


def link(signer: LinkSigner, emulator: str | None = None) -> str:
    blobs = GcsBlobStore("a-bucket", project="p", emulator=emulator, signer=signer)
    return blobs.link(PATH, generation=GENERATION, filename=FILENAME, ttl_s=TTL_S)


def to_sign(url: str, path: str = PATH) -> tuple[str, str]:
    """What a V4 signature of a GET of this URL is of, and the signature it has."""
    parts = urlsplit(url)
    fields = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    signature = fields.pop("X-Goog-Signature")
    query = "&".join(f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in sorted(fields))
    resource = "/a-bucket/" + quote(path, safe="/")
    canonical = f"GET\n{resource}\n{query}\nhost:{parts.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    moment = fields["X-Goog-Date"]
    scope = f"{moment[:8]}/auto/storage/goog4_request"
    return f"GOOG4-RSA-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}", signature


def verify(url: str, key: rsa.RSAPrivateKey) -> None:
    """As Cloud Storage does. Raises InvalidSignature."""
    text, signature = to_sign(url)
    key.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    # PKCS #1 v1.5 is deterministic: there is one signature of a text.
    assert signature == key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()).hex()


def fields_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


def check(url: str, key: rsa.RSAPrivateKey, account: str, host: str = "https://storage.googleapis.com") -> None:
    verify(url, key)
    fields = fields_of(url)
    assert url.startswith(f"{host}/a-bucket/jobs/1/e1/%C3%A4%20b%3F%26%23%2B%2541~%281%29.csv?")
    moment = fields["X-Goog-Date"]
    assert abs(datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    assert fields == {
        "X-Goog-Algorithm": "GOOG4-RSA-SHA256",
        "X-Goog-Credential": f"{account}/{moment[:8]}/auto/storage/goog4_request",
        "X-Goog-Date": moment,
        "X-Goog-Expires": str(TTL_S),
        "X-Goog-SignedHeaders": "host",
        "X-Goog-Signature": fields["X-Goog-Signature"],
        "generation": GENERATION,
        "response-content-disposition": DISPOSITION,
        "response-content-type": "text/csv; charset=utf-8",
    }


@pytest.mark.usefixtures("key_file")
@pytest.mark.parametrize("named", [None, OWNER])
def test_a_key_file_signs_by_itself(iam: Iam, key: rsa.RSAPrivateKey, named: str | None) -> None:
    check(link(LinkSigner(service_account=named, iam_url=iam.url, emulated=False)), key, OWNER)
    assert (iam.asked, iam.tokens) == (0, [])


@pytest.mark.usefixtures("key_file")
def test_another_account_signs_through_iam_with_a_fresh_token(iam: Iam, key: rsa.RSAPrivateKey) -> None:
    signer = LinkSigner(service_account=SIGNER, iam_url=iam.url, emulated=False)
    check(link(signer), key, SIGNER)
    check(link(signer), key, SIGNER)
    assert (iam.asked, iam.tokens) == (2, ["token-0"])
    iam.tokens.append("revoked")  # the token is not good any more: signing asks for another by itself
    check(link(signer), key, SIGNER)
    assert iam.tokens[2:] == ["token-2"]


def test_a_pod_finds_out_its_own_account_and_signs_through_iam(iam: Iam, key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    iam.account = "pod@krai.iam.gserviceaccount.com"
    script = (
        "import sys; from krai.backends.google.blobs import GcsBlobStore; from krai.backends.google.signing import LinkSigner\n"
        "signer = LinkSigner(service_account=None, iam_url=sys.argv[1], emulated=False)\n"
        "blobs = GcsBlobStore('a-bucket', project='p', emulator=None, signer=signer)\n"
        "print(blobs.link(sys.argv[2], generation=sys.argv[3], filename=sys.argv[4], ttl_s=int(sys.argv[5])))\n"
    )
    metadata = {"GCE_METADATA_HOST": iam.host, "GCE_METADATA_IP": iam.host, "GOOGLE_CLOUD_PROJECT": "p", "CLOUDSDK_CONFIG": str(tmp_path)}
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONUTF8": "1", **metadata}
    arguments = [iam.url, PATH, GENERATION, FILENAME, str(TTL_S)]
    done = subprocess.run([sys.executable, "-c", script, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    check(done.stdout.strip(), key, iam.account)


def test_with_an_emulator_an_account_signs_without_google_s_credentials(iam: Iam, key: rsa.RSAPrivateKey) -> None:
    signer = LinkSigner(service_account=SIGNER, iam_url=iam.url, emulated=True)
    check(link(signer, "http://127.0.0.1:9"), key, SIGNER, "http://127.0.0.1:9")


def test_an_emulator_alone_gets_links_of_a_key_made_for_it() -> None:
    signer = LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=True)
    url = link(signer, "http://127.0.0.1:9")
    assert url.startswith("http://127.0.0.1:9/a-bucket/jobs/1/")
    account = signer._account  # noqa: SLF001 - its key exists in this process alone
    assert account.sign_bytes(to_sign(url)[0].encode()).hex() == fields_of(url)["X-Goog-Signature"]


def test_no_part_of_a_link_can_be_changed(iam: Iam, key: rsa.RSAPrivateKey) -> None:
    url = link(LinkSigner(service_account=SIGNER, iam_url=iam.url, emulated=True), "http://127.0.0.1:9")
    verify(url, key)
    fields = fields_of(url)
    changes = [
        (f"generation={GENERATION}", "generation=1"),
        (f"X-Goog-Expires={TTL_S}", "X-Goog-Expires=604800"),
        (f"X-Goog-Date={fields['X-Goog-Date']}", "X-Goog-Date=20260101T000000Z"),
        ("filename", "filemane"),
        ("text%2Fcsv", "text%2Fhtml"),
        ("127.0.0.1:9", "127.0.0.2:9"),
        (fields["X-Goog-Signature"][-8:], "00000000"),
    ]
    for old, new in changes:
        assert old in url
        with pytest.raises(InvalidSignature):
            verify(url.replace(old, new), key)
    text, signature = to_sign(url, "jobs/1/e1/other.csv")
    with pytest.raises(InvalidSignature):
        key.public_key().verify(bytes.fromhex(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("passing", [429, 500, 503])
def test_a_signing_service_that_stumbles_is_asked_again(iam: Iam, key: rsa.RSAPrivateKey, passing: int) -> None:
    iam.answers = [passing, passing, None]
    check(link(LinkSigner(service_account=SIGNER, iam_url=iam.url, emulated=True), "http://127.0.0.1:9"), key, SIGNER, "http://127.0.0.1:9")


NO_SIGNATURE = [b"", b"{}", b"[]", b'{"signedBlob": 1}', b'{"signedBlob": "!"}']


@pytest.mark.parametrize(
    ("answer", "tries"), [(403, 1), (404, 1), (400, 1), (302, 1), (401, 1), (503, 3), *((bad, 1) for bad in NO_SIGNATURE)]
)
def test_what_cannot_be_signed_is_said_to_come_later(iam: Iam, answer: int | bytes, tries: int) -> None:
    iam.answers = [answer]
    with pytest.raises(Transient, match="links_unavailable") as failure:
        link(LinkSigner(service_account=SIGNER, iam_url=iam.url, emulated=True), "http://127.0.0.1:9")
    assert (failure.value.problem.status, failure.value.retry_after_s) == (503, signing.RETRY_AFTER_S)
    assert iam.asked == tries


def test_a_signing_service_that_is_away_or_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "TIMEOUT_S", (0.2, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (silent.getsockname()[1], 9):
            began = time.monotonic()
            with pytest.raises(Transient, match="links_unavailable"):
                link(LinkSigner(service_account=SIGNER, iam_url=f"http://127.0.0.1:{port}", emulated=True), "http://127.0.0.1:9")
            assert time.monotonic() - began < 3


def test_a_process_without_credentials_signs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    default_credentials.cache_clear()
    with pytest.raises(Transient):
        link(LinkSigner(service_account=None, iam_url="http://127.0.0.1:9", emulated=False))
