"""Links that Cloud Storage honours: signed (V4) with the key of a service account.

Whoever runs with a key file signs with it. A process in a cluster has no key; it asks the service that signs for accounts
(signBlob of the IAM Credentials API), for its own account or for one whose Service Account Token Creator it is. An emulator checks
no signature, so there a key made for the occasion does.
"""

import base64
import functools
import json
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth.credentials import Credentials, Signing
from google.auth.crypt import RSASigner, Signer
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2.credentials import Credentials as Token
from google.oauth2.service_account import Credentials as Account

from krai import observe
from krai.attachment import disposition, media_type
from krai.backends.google.bucket import Bucket, default_credentials
from krai.errors import Transient

TRIES = 3
TIMEOUT_S = (3.0, 10.0)  # to connect, and for the answer: a caller waits for it
RETRY_AFTER_S = 5
NOBODY = "emulator@krai.invalid"


class LinkSigner:
    """Signs as `service_account`, or as the account of this process. `emulated`: for an emulator, without Google's credentials."""

    def __init__(self, *, service_account: str | None, iam_url: str, emulated: bool) -> None:
        self._service_account = service_account
        self._iam_url = iam_url
        self._emulated = emulated

    def sign(self, bucket: Bucket, path: str, *, generation: str, filename: str, ttl_s: int) -> str:
        """The URL. Raises Transient links_unavailable."""
        try:
            url: str = (
                bucket.here()
                .blob(path)
                .generate_signed_url(
                    version="v4",
                    expiration=timedelta(seconds=ttl_s),
                    credentials=self._account,
                    generation=generation,
                    response_disposition=disposition(filename),
                    response_type=media_type(filename),
                )
            )
        except (GoogleAuthError, OSError) as error:
            observe.log().warning("no link can be signed", error=type(error).__name__, reason=str(error)[:300])
            raise Transient("links_unavailable", retry_after_s=RETRY_AFTER_S) from error
        return url

    @functools.cached_property
    def _account(self) -> Signing:
        """Raises GoogleAuthError."""
        if self._emulated:
            if self._service_account is None:
                return _account(NOBODY, _throwaway_key())
            return _account(self._service_account, AccountSigner(self._service_account, self._iam_url, Token("emulator")))
        credentials = default_credentials()
        if isinstance(credentials, Signing) and self._service_account in {None, credentials.signer_email}:
            return credentials
        email = self._service_account or _email(credentials)
        return _account(email, AccountSigner(email, self._iam_url, credentials))


class AccountSigner(Signer):
    """Asks the IAM Credentials API to sign for an account: `projects.serviceAccounts.signBlob`."""

    key_id = None

    def __init__(self, email: str, iam_url: str, credentials: Credentials) -> None:
        self._url = f"{iam_url}/v1/projects/-/serviceAccounts/{quote(email, safe='@')}:signBlob"
        self._credentials = credentials

    def sign(self, message: str | bytes) -> bytes:
        """Raises GoogleAuthError, OSError."""
        data = message.encode() if isinstance(message, str) else message
        body = {"payload": base64.b64encode(data).decode()}
        for _ in range(TRIES - 1):
            try:
                status, signed = self._ask(body)
            except OSError:
                continue  # the connection broke, or nothing came in time
            if status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}:
                break
        else:
            status, signed = self._ask(body)
        if status != HTTPStatus.OK:
            raise TransportError(f"signBlob answered {status}")
        try:
            return base64.b64decode(json.loads(signed)["signedBlob"], validate=True)
        except (ValueError, KeyError, TypeError):
            raise TransportError("signBlob answered 200 without a signature") from None

    def _ask(self, body: dict[str, str]) -> tuple[int, bytes]:
        with AuthorizedSession(self._credentials) as session:
            answer = session.post(self._url, json=body, timeout=TIMEOUT_S, allow_redirects=False)
            return answer.status_code, answer.content


def _account(email: str, signer: Signer) -> Account:
    return Account(signer, email, token_uri="")  # it signs and never asks for a token


def _throwaway_key() -> Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    signer: Signer = RSASigner.from_string(pem)
    return signer


def _email(credentials: Credentials) -> str:
    """The account of this process. In a cluster it goes by the name of "default" until the first token has come."""
    if getattr(credentials, "service_account_email", None) == "default":
        credentials.refresh(Request())
    email = getattr(credentials, "service_account_email", None)
    if not isinstance(email, str) or "@" not in email:
        raise TransportError("this process has no service account: set KRAI_SIGNER_SERVICE_ACCOUNT")
    return email
