"""What krai shows to an Iceberg REST catalog, and to whom it does not."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests import PreparedRequest, Request

from krai.catalog_url import CatalogUrl, read
from krai.errors import Transient
from krai.warehouse.rest import open_rest
from krai.warehouse.rest_catalog import open_session
from krai.warehouse.rest_credentials import credential_for

BIGLAKE = read("iceberg+https://biglake.googleapis.com/iceberg/v1/restcatalog?warehouse=gs://lake")


@dataclass
class Heard:
    """A server that gives one answer to everything, and the requests it heard."""

    host: str
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)


@contextmanager
def server(status: int, body: dict[str, Any], **headers: str) -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            heard.requests.append((f"{self.command} {self.path}", dict(self.headers), content))
            answer = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 (http.server's name)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        heard = Heard(f"127.0.0.1:{listening.server_port}")
        threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
        yield heard
        listening.shutdown()


def shown(url: CatalogUrl, credential: str | None, project: str | None = None) -> dict[str, str]:
    """The headers that a request gets."""
    request: PreparedRequest = Request("GET", url.uri).prepare()
    return dict(credential_for(url, credential, project, open_session)(request).headers)


@pytest.fixture
def googles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """A service account, and the server that gives its tokens."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with server(200, {"access_token": "from-google", "expires_in": 3600}) as heard:
        account = {"type": "service_account", "project_id": "own", "client_email": "krai@own.example", "private_key": key.decode()}
        file = tmp_path / "account.json"
        file.write_text(json.dumps(account | {"token_uri": f"http://{heard.host}/token"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield heard


def test_googles_hosts_get_googles_token_and_whom_to_charge(googles: Heard) -> None:
    headers = shown(BIGLAKE, None, "paying")
    assert (headers["authorization"], headers["x-goog-user-project"]) == ("Bearer from-google", "paying")
    assert [line for line, _, _ in googles.requests] == ["POST /token"]


def test_a_google_token_is_asked_for_once(googles: Heard) -> None:
    credential = credential_for(BIGLAKE, None, "paying", open_session)
    for _ in range(3):
        credential(Request("GET", BIGLAKE.uri).prepare())
    assert len(googles.requests) == 1


def test_others_never_see_googles_token(googles: Heard) -> None:
    assert shown(read("iceberg+https://c.example"), None) == {}
    assert googles.requests == []


def test_what_is_set_comes_before_googles_own(googles: Heard) -> None:
    assert shown(BIGLAKE, "a-token") == {"Authorization": "Bearer a-token"}
    assert googles.requests == []


def test_a_client_credential_goes_to_who_gives_tokens() -> None:
    with server(200, {"access_token": "granted"}) as tokens:
        url = read(f"iceberg+https://c.example?token_url=http://{tokens.host}/oauth&scope=all")
        assert shown(url, "id:its:secret") == {"Authorization": "Bearer granted"}
    ((line, headers, form),) = tokens.requests
    assert line == "POST /oauth"
    assert form == "grant_type=client_credentials&client_id=id&client_secret=its%3Asecret&scope=all"
    assert "Authorization" not in headers


@pytest.mark.parametrize("answer", [{}, {"access_token": 1}])
def test_an_answer_without_a_token_is_none(answer: dict[str, Any]) -> None:
    with server(200, answer) as tokens, pytest.raises(Transient, match="store_busy"):
        shown(read(f"iceberg+https://c.example?token_url=http://{tokens.host}/oauth"), "id:secret")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_catalog_that_sends_elsewhere_is_not_followed(tmp_path: Path, status: int) -> None:
    with server(200, {}) as elsewhere, server(status, {}, Location=f"http://{elsewhere.host}/") as catalog:
        warehouse = open_rest(read(f"iceberg+http://{catalog.host}"), str(tmp_path), credential="a-token")
        with pytest.raises(Transient, match="store_busy"):
            warehouse.describe("things")
    assert catalog.requests
    assert elsewhere.requests == []


def test_a_catalog_that_names_an_address_without_encryption_is_not_gone_to(tmp_path: Path) -> None:
    with server(200, {"defaults": {}, "overrides": {"uri": "http://192.0.2.1/"}}) as catalog:
        warehouse = open_rest(read(f"iceberg+http://{catalog.host}"), str(tmp_path), credential="a-token")
        for _ in range(2):
            with pytest.raises(Transient, match="without encryption"):
                warehouse.describe("things")


def test_no_right_to_files_is_asked_for(tmp_path: Path) -> None:
    with server(200, {"defaults": {}, "overrides": {}}) as catalog:
        warehouse = open_rest(read(f"iceberg+http://{catalog.host}?warehouse=w"), str(tmp_path))
        with pytest.raises(Transient):  # what comes back is no table
            warehouse.describe("things")
    assert [line for line, _, _ in catalog.requests][:2] == [
        "GET /v1/config?warehouse=w",
        "GET /v1/namespaces/krai/tables/things?snapshots=all",
    ]
    assert all("x-iceberg-access-delegation" not in map(str.lower, headers) for _, headers, _ in catalog.requests)
