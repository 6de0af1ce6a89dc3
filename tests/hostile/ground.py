"""A running krai with two callers, and what must hold of it whatever it was sent: it lives, it loses nothing, it tells nothing."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil

from tests.acceptance.deployment import Deployment
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.ledger import ledger_is_clean
from tests.hostile import wire
from tests.hostile.wire import Answer, Headers
from tests.unit.identity.provider import Provider

CANARY = "CANARY"  # stands in hostile values for what must not be seen again
SERVER_MIB = 400  # an idle one has 75
SMALL_IMPORT_WITHIN_S = 30
THREE_ROWS = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}, {"id": 3, "name": "Cy"}]
JSON = ("Content-Type", "application/json")


class Ground:
    """`provider` has its keys, `dead_provider` gives none. `admin` is the deployment's own key, `ada` and `bob` those of two callers."""

    def __init__(self, deployment: Deployment, provider: Provider, dead_provider: Provider) -> None:
        self.deployment = deployment
        self.provider = provider
        self.dead_provider = dead_provider
        self.admin = deployment.krai
        self.ada, self.bob = self._caller("ada"), self._caller("bob")
        self._pids = self._alive()
        self._secrets = {str(client.http.headers["x-api-key"]) for client in (self.admin, self.ada, self.bob)}
        self._canaries: list[str] = []
        self._answers: list[bytes] = []

    def _caller(self, name: str) -> KraiClient:
        return KraiClient(self.deployment.api.base_url, self.make_key(name))

    def make_key(self, name: str, *scopes: str) -> str:
        made = self.admin.http.post("/token", json={"name": name, **({"scopes": scopes} if scopes else {})})
        assert made.status_code == httpx.codes.CREATED, made.text
        return str(made.json()["key"])

    # -- what is sent -----------------------------------------------------------------------------------------------------

    def canary(self) -> str:
        """A word that nobody else uses."""
        self._canaries.append(f"canary{secrets.token_hex(8)}")
        return self._canaries[-1]

    def keep_secret(self, value: str) -> str:
        """It must stand in no log and no answer from now on."""
        self._secrets.add(value)
        return value

    def ask(self, method: str, target: str, headers: Headers = (), body: bytes = b"") -> Answer:
        """The answer to one request, of bytes as they are."""
        (answer,) = self.exchange(wire.compose(method, target, headers, body))
        return answer

    def exchange(self, *parts: bytes) -> list[Answer]:
        """The answer to these bytes, which is one or none."""
        came = wire.exchange(self.deployment.api.port, *parts)
        self._answers.append(came)
        assert came.count(b"HTTP/1.1 ") <= 1, "more than one answer"
        return [wire.read(came)] if came else []

    def call(self, client: KraiClient, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer to what a client can send."""
        answer = client.http.request(method, path, **options)
        self._answers.append(b"\n".join((*(b": ".join(pair) for pair in answer.headers.raw), answer.content)))
        return answer

    def as_admin(self, *headers: tuple[str, str]) -> Headers:
        return (("x-api-key", self.admin.http.headers["x-api-key"]), *headers)

    # -- what must hold ---------------------------------------------------------------------------------------------------

    @contextmanager
    def holds(self) -> Iterator["Ground"]:
        """Afterwards the same processes run in bounded memory, and nothing that was sent stands in a log or an answer."""
        self._canaries, self._answers = [], []
        starts = {process: process.log_path.stat().st_size for process in self.deployment.processes}
        yield self
        assert self._alive() == self._pids
        for process in self.deployment.processes:
            assert psutil.Process(process.pid).memory_info().rss < SERVER_MIB << 20
            self._tells_nothing(process.log_path.read_bytes()[starts[process] :], "a log")
            check_lines(process, starts[process])
        for answer in self._answers:
            self._tells_nothing(answer, "an answer")

    def _alive(self) -> list[int]:
        assert all(process.runs for process in self.deployment.processes)
        return [process.pid for process in self.deployment.processes]

    def _tells_nothing(self, text: bytes, where: str) -> None:
        for word in (*self._canaries, *self._secrets):
            assert word.encode() not in text, f"{where} has {word!r}"

    def is_well(self) -> None:
        """Every accepted job has ended, no letter is dead, and three rows are imported as ever."""
        imported = self.admin.import_(dataset="alive", source={"records": THREE_ROWS}, mode="replace", within_s=SMALL_IMPORT_WITHIN_S)
        assert imported["records_processed"] == len(THREE_ROWS)
        ledger_is_clean(self.deployment)
        for process in self.deployment.processes:
            log = process.log_path.read_bytes()
            assert b"signature=" not in log.lower()
            self._tells_nothing(log, "a log")

    def close(self) -> None:
        for client in (self.ada, self.bob):
            client.close()


def check_lines(process: KraiProcess, start: int) -> None:
    """Every line of a log is one event in JSON, and none has what moves the cursor of a terminal."""
    for line in process.log_path.read_bytes()[start:].splitlines():
        event = json.loads(line)
        assert isinstance(event, dict)
        assert {"event", "message", "severity", "time"} <= event.keys()
        assert b"\x1b" not in line


def problem_of(answer: Answer, status: int) -> str:
    """The code of an answer that must be a problem of this status."""
    assert answer.status == status, answer.text
    return answer.code
