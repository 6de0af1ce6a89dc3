"""The services that a process with Google's credentials asks: for tokens, for its own name, and to sign for an account."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass
class Iam:
    """`answers` are given to signBlob one after the other, the last one for good: a status, or None for a signature."""

    key: RSAPrivateKey
    account: str
    answers: list[int | bytes | None] = field(default_factory=lambda: [None])
    tokens: list[str] = field(default_factory=list)  # handed out so far; the last one is good
    asked: int = 0
    url: str = ""
    host: str = ""

    def token(self) -> dict[str, object]:
        self.tokens.append(f"token-{len(self.tokens)}")
        return {"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}

    def sign(self, path: str, bearer: str | None, body: bytes) -> tuple[int, bytes]:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, bytes):
            return 200, answer
        if answer is not None:
            return answer, b"{}"
        known = self.tokens[-1:] or ["emulator"]
        if bearer not in [f"Bearer {token}" for token in known]:
            return 401, b"{}"
        if path != f"/v1/projects/-/serviceAccounts/{self.account}:signBlob":
            return 404, b"{}"
        asked = json.loads(body)
        assert asked.keys() == {"payload"}
        signed = self.key.sign(base64.b64decode(asked["payload"], validate=True), padding.PKCS1v15(), hashes.SHA256())
        return 200, json.dumps({"keyId": "1", "signedBlob": base64.b64encode(signed).decode()}).encode()


@contextmanager
def serving(iam: Iam) -> Iterator[Iam]:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/token":
                self._answer(200, json.dumps(iam.token()).encode())
            else:
                self._answer(*iam.sign(self.path, self.headers.get("authorization"), body))

        def do_GET(self) -> None:
            """As the metadata server of a virtual machine or a pod does it."""
            place = self.path.removeprefix("/computeMetadata/v1/").partition("?")[0]
            if place.endswith("/token"):
                self._answer(200, json.dumps(iam.token()).encode())
            elif place.startswith("instance/service-accounts/"):
                self._answer(200, json.dumps({"email": "pod@krai.iam.gserviceaccount.com", "scopes": [], "aliases": ["default"]}).encode())
            elif place == "universe/universe-domain":
                self._answer(404, b"")
            else:
                self._answer(200, b"krai")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("metadata-flavor", "Google")
            self.send_header("content-type", "application/json" if body.startswith(b"{") else "application/text")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the parent calls it
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        iam.host = f"127.0.0.1:{server.server_port}"
        iam.url = f"http://{iam.host}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield iam
        finally:
            server.shutdown()
