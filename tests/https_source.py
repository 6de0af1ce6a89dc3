"""An https server on this machine under a name that is public, and the network of which it is a part.

with serving() as source:                             # it answers for https://files.example.org:PORT/file.csv
    source.answer = partial(say, status=302)          # what it says from now on; `connects` counts who came
    source.network.names[HOST] = [["127.0.0.1"], …]   # what the resolver says at the first look, at the second, …
    download(source.url, …, outbound=source.outbound)
"""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from krai.outbound.addresses import is_public
from krai.outbound.connect import Outbound

HOST = "files.example.org"
HERE = "127.0.0.1"
CONTENT = b"id,name\n1,a\n2,b\n"
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Network:
    """What a name resolves to: the last answer stays. `asked` are the names looked up, in order."""

    names: dict[str, list[list[str]]]
    asked: list[str] = field(default_factory=list)

    def resolve(self, host: str, timeout_s: float) -> Sequence[str]:
        assert timeout_s > 0
        self.asked.append(host)
        if host not in self.names:
            raise OSError("no such name")
        answers = self.names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class HttpsSource:
    """`asked` are the headers of the last request, their names in small letters, `sent` what came with it; `posts` are all of these.

    `authority` has signed its certificate, which `trust` trusts.
    """

    authority: trustme.CA
    trust: ssl.SSLContext
    answer: Answer
    port: int = 0
    connects: int = 0
    asked: dict[str, str] = field(default_factory=dict)
    sent: bytes = b""
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    network: Network = field(default_factory=lambda: Network({HOST: [[HERE]]}))

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/file.csv"

    @property
    def outbound(self) -> Outbound:
        return Outbound(resolve=self.network.resolve, allows=lambda address: address == HERE or is_public(address), tls=self.trust)


def say(handler: BaseHTTPRequestHandler, status: int = 200, body: bytes = b"", length: int | None = None, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def serving(*more_names: str) -> Iterator[HttpsSource]:
    """Its certificate has `more_names` too."""
    authority = trustme.CA()
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    here = HttpsSource(authority, trust, partial(say, body=CONTENT))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            here.asked = {name.lower(): value for name, value in self.headers.items()}
            here.answer(self)

        def do_POST(self) -> None:
            here.sent = self.rfile.read(int(self.headers["Content-Length"]))
            here.posts.append(({name.lower(): value for name, value in self.headers.items()}, here.sent))
            self.do_GET()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 (the standard library's name)
            """Keep quiet."""

    class Listening(ThreadingHTTPServer):
        def get_request(self) -> tuple[Any, Any]:
            here.connects += 1
            return super().get_request()

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that has heard enough goes away."""

    listening = Listening((HERE, 0), Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST, *more_names).configure_cert(context)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    here.port = listening.server_address[1]
    thread = threading.Thread(target=partial(listening.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield here
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
