"""The internet as running processes of krai see it: hosts that a test has made up, at one public address, which leads to this machine.

The processes' resolver, that one address and the certificates they trust are the test's (`outside/sitecustomize.py`); all that krai does
with them is its own.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.https_source import Answer, HttpsSource, serving

PUBLIC = "93.184.215.14"
DOMAIN = "outside.example.org"
HERE = Path(__file__).parent / "outside"


class Internet:
    """`asked` counts the requests that a host has had; `server` has more about them."""

    def __init__(self, folder: Path, server: HttpsSource) -> None:
        self.server = server
        self.asked: Counter[str] = Counter()
        self._folder = folder
        self._names: dict[str, list[list[str]]] = {}
        self._answers: dict[str, Answer] = {}
        server.answer = self._answer
        server.authority.cert_pem.write_to_path(str(folder / "authority.pem"))
        (folder / "notes").touch()

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process of krai a part of it."""
        return {"PYTHONPATH": str(HERE), "OUTSIDE": str(self._folder), "OUTSIDE_ADDRESS": PUBLIC}

    def host(self, name: str, answer: Answer, *addresses: list[str]) -> str:
        """A new host that answers so, and has these addresses at the first look, at the second, …: its name."""
        host = f"{name.lower()}.{DOMAIN}"
        assert host not in self._names
        self._names[host], self._answers[host] = list(addresses) or [[PUBLIC]], answer
        (self._folder / "names.new").write_text(json.dumps(self._names))
        (self._folder / "names.new").replace(self._folder / "names.json")
        return host

    def url(self, host: str) -> str:
        return f"https://{host}:{self.server.port}/file.csv"

    def looks(self, host: str) -> int:
        """How often its name was resolved."""
        return sum(note.get("look") == f"{host}." for note in self._notes())

    def holds(self) -> None:
        """Nobody was looked for whom no test has named, and whatever was connected to is public or belongs to krai."""
        for note in self._notes():
            if "look" in note:
                assert note["look"].removesuffix(".") in self._names, note
            else:
                assert note["connect"] in {PUBLIC, "127.0.0.1", "localhost"}, note
                assert note["connect"] == PUBLIC or note["port"] not in {443, self.server.port}, note

    def _notes(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self._folder / "notes").read_text().splitlines()]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        host = str(handler.headers["Host"]).partition(":")[0]
        self.asked[host] += 1
        self._answers[host](handler)


@contextmanager
def outside(folder: Path) -> Iterator[Internet]:
    with serving(f"*.{DOMAIN}") as server:
        yield Internet(folder, server)
