"""How krai proves who it is to an Iceberg REST catalog. Nothing is fetched before the first request that needs it."""

import math
import time
from collections.abc import Callable

import google.auth
from google.auth.credentials import Credentials
from google.auth.transport.requests import Request
from requests import PreparedRequest, Session
from requests.auth import AuthBase

from krai.catalog_url import CatalogUrl
from krai.errors import Transient

_CLOUD = "https://www.googleapis.com/auth/cloud-platform"
_EARLY_S = 60


class Nobody(AuthBase):
    """For a catalog that asks for no credential; also the base of the others."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        return request

    def forget(self) -> None:
        """Let go of a token that the catalog has turned away."""


class Bearer(Nobody):
    """A token that somebody else has fetched (RFC 6750)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ClientCredential(Nobody):
    """Tokens for a client's id and secret (RFC 6749, 4.4; both in the form, as catalogs that give tokens themselves want them)."""

    def __init__(self, token_url: str, credential: str, scope: str | None, open_session: Callable[[], Session]) -> None:
        self._token_url = token_url
        client_id, _, client_secret = credential.partition(":")
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        if scope is not None:
            self._form["scope"] = scope
        self._open_session = open_session
        self.forget()

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if time.monotonic() >= self._good_until:
            self._fetch()
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def forget(self) -> None:
        self._token, self._good_until = "", -math.inf

    def _fetch(self) -> None:
        with self._open_session() as session:
            session.auth = Nobody()  # else requests looks for one in the home folder
            answer = session.post(self._token_url, data=self._form)
        answer.raise_for_status()
        granted = answer.json()
        token = granted.get("access_token") if isinstance(granted, dict) else None
        if not isinstance(token, str):
            raise Transient("store_busy", "The catalog of the datasets turns krai away.")
        lives_s = granted.get("expires_in")
        self._token = token
        self._good_until = time.monotonic() + lives_s - _EARLY_S if isinstance(lives_s, int) else math.inf


class GoogleCredential(Nobody):
    """Google's application default credentials; `project` is charged, None: the one the credentials name."""

    def __init__(self, project: str | None) -> None:
        self._project = project
        self._credentials: Credentials | None = None

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        if self._credentials is None:
            self._credentials, _ = google.auth.default(scopes=[_CLOUD], quota_project_id=self._project)
        # Sets Authorization and x-goog-user-project, with a new token when the old one is about to end.
        self._credentials.before_request(Request(), request.method, request.url, request.headers)
        return request


def credential_for(url: CatalogUrl, credential: str | None, project: str | None, open_session: Callable[[], Session]) -> Nobody:
    """`credential` is `id:secret` of a client, or a bearer token, which has no colon in it; without one Google's hosts get Google's own."""
    if credential is None:
        return GoogleCredential(project) if url.is_googles else Nobody()
    if ":" not in credential:
        return Bearer(credential)
    return ClientCredential(url.token_url or f"{url.uri}/v1/oauth/tokens", credential, url.scope, open_session)
