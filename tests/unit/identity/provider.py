"""An identity provider on this machine: it serves discovery, keys and the authorization code flow, counts who asks, and does what a test
wants of it."""

import base64
import hashlib
import json
import secrets
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from krai.identity.issuers import Issuer
from krai.identity.tokens import Identity, Tokens

AUDIENCE = "krai-client"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
AUTHORIZE = "/authorize"
TOKEN = "/token"  # noqa: S105 - a path
NOW_AT = 1_700_000_000.0

RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
OTHER = RSAKey.generate_key(2048, {"kid": "other"})

# Certificates matter to few tests, and to read those of all authorities takes a tenth of a second.
NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Clock:
    """Both of a process's clocks, moved by hand."""

    now_at: float = NOW_AT
    passed_s: float = 0.0

    def wait(self, duration_s: float) -> None:
        self.passed_s += duration_s
        self.now_at += duration_s


@dataclass
class Provider:
    """`answers` replace what is served at a path; `asked` counts requests by path, `headers` are those of the last one."""

    url: str = ""
    keys: list[Mapping[str, Any]] = field(default_factory=lambda: [RSA.as_dict(private=False), EC.as_dict(private=False)])
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    headers: dict[str, str] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    trust: ssl.SSLContext | None = NOBODY
    secret: str | None = None  # None: a public client
    said: dict[str, Any] = field(default_factory=dict)  # what the ID token of a sign-in says besides, or instead
    codes: dict[str, dict[str, str]] = field(default_factory=dict)  # what was asked for with each code that was not taken back yet
    form: dict[str, str] = field(default_factory=dict)  # the last one at the token endpoint

    @property
    def issuer(self) -> Issuer:
        return Issuer(issuer=self.url, audience=AUDIENCE, tenant="acme", client_secret=self.secret)

    def tokens(self, *more: Issuer) -> Tokens:
        clock = self.clock
        return Tokens([self.issuer, *more], tls=self.trust, now=lambda: clock.now_at, monotonic=lambda: clock.passed_s)

    def claims(self, **changed: Any) -> dict[str, Any]:
        """Good ones; a change to ... leaves the claim out."""
        at = int(self.clock.now_at)
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "7",
            "iat": at,
            "exp": at + 600,
            "email": "ann@acme.example",
            "email_verified": True,
        }
        return {name: value for name, value in (good | changed).items() if value is not ...}

    def token(self, key: RSAKey | ECKey = RSA, header: Mapping[str, Any] | None = None, **changed: Any) -> bytes:
        return signed(json.dumps(self.claims(**changed)).encode(), key, header)

    @property
    def ann(self) -> Identity:
        return Identity(self.url, "7", "ann@acme.example", "acme")

    def fails(self, path: str = DISCOVERY, status: int = 500) -> None:
        self.answers[path] = partial(say, status=status)

    def discovery(self, **changed: Any) -> bytes:
        places = {"authorization_endpoint": self.url + AUTHORIZE, "token_endpoint": self.url + TOKEN}
        said = {"issuer": self.url, "jwks_uri": self.url + KEYS, **places} | changed
        return json.dumps({name: value for name, value in said.items() if value is not ...}).encode()

    def key_set(self) -> bytes:
        return json.dumps({"keys": self.keys}).encode()

    def sign_in(self, handler: BaseHTTPRequestHandler) -> None:
        """Ann signs in at once and is sent back (OpenID Connect Core 1.0, 3.1.2)."""
        asked = dict(parse_qsl(urlsplit(handler.path).query))
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        say(handler, status=302, Location=f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'hd': 'acme'})}")

    def take_back(self, handler: BaseHTTPRequestHandler) -> None:
        """An ID token for a code, once, for whoever has begun (RFC 6749, 4.1.3, and RFC 7636, 4.6)."""
        body = handler.rfile.read(int(handler.headers["content-length"])).decode()
        self.form = {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}
        asked = self.codes.pop(self.form.get("code", ""), None)
        if not self._client_is_known():
            say(handler, status=401, body=b'{"error":"invalid_client"}')
        elif asked is None or asked["redirect_uri"] != self.form["redirect_uri"] or asked["code_challenge"] != challenge(self.form):
            say(handler, status=400, body=b'{"error":"invalid_grant","error_description":"shown to nobody"}')
        else:
            token = self.token(**{"nonce": asked["nonce"], **self.said}).decode()
            say(handler, body=json.dumps({"access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": token}).encode())

    def _client_is_known(self) -> bool:
        scheme, _, basic = self.headers.get("authorization", "").partition(" ")
        named, _, secret = base64.b64decode(basic).decode().partition(":")
        if scheme == "Basic":
            return "client_secret" not in self.form and (unquote_plus(named), unquote_plus(secret)) == (AUDIENCE, self.secret)
        return (self.form.get("client_id"), self.form.get("client_secret")) == (AUDIENCE, self.secret)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        self.asked[path] += 1
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        if path in self.answers:
            self.answers[path](handler)
        elif path == DISCOVERY:
            say(handler, body=self.discovery())
        elif path == KEYS:
            say(handler, body=self.key_set())
        elif path == AUTHORIZE:
            self.sign_in(handler)
        elif path == TOKEN and handler.command == "POST":
            self.take_back(handler)
        else:
            say(handler, status=404)


def challenge(form: Mapping[str, str]) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=").decode()


def signed(payload: bytes, key: RSAKey | ECKey = RSA, header: Mapping[str, Any] | None = None) -> bytes:
    """As the provider signs it; a header that is given replaces the whole of the usual one but `alg`."""
    alg = "RS256" if isinstance(key, RSAKey) else "ES256"
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(
        {"alg": alg} | dict({"kid": key.kid} if header is None else header), payload, key, registry=registry
    ).encode()


def say(handler: BaseHTTPRequestHandler, *, status: int = 200, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def slowly(handler: BaseHTTPRequestHandler, *, pause_s: float, then: Answer) -> None:
    time.sleep(pause_s)
    with suppress(OSError):  # whoever asked may have gone
        then(handler)


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Provider]:
    provider = Provider()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.answer(self)

        do_POST = do_GET  # noqa: N815 (the standard library's name)

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (the standard library's name)
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        provider.url = f"http{'' if tls is None else 's'}://localhost:{server.server_port}"
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
