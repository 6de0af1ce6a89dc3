"""One line of a table: what is sent, and the problem that it gets."""

from dataclasses import dataclass, field

from tests.hostile.ground import CANARY, JSON, Ground
from tests.hostile.wire import Answer, Headers

EXPORTS, IMPORTS, WEBHOOKS = "/api/v1/exports", "/api/v1/imports", "/api/v1/webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`row` is that of the table of bad inputs in docs/security.md. `CANARY` in a value becomes a word that must not be seen again.

    `answers` are status and code. `by_admin` adds the credential of the deployment.
    """

    row: int
    name: str
    answers: tuple[int, str]
    method: str = "POST"
    target: str = EXPORTS
    headers: Headers = field(default=(JSON,))
    body: bytes = b""
    by_admin: bool = True

    def __str__(self) -> str:
        return f"{self.row}-{self.name}"

    def ask(self, ground: Ground) -> Answer:
        """Send it, and check that it is refused as the table says."""
        canary = ground.canary()
        headers = [(name, value.replace(CANARY, canary)) for name, value in self.headers]
        sent = ground.as_admin(*headers) if self.by_admin else headers
        answer = ground.ask(self.method, self.target.replace(CANARY, canary), sent, self.body.replace(CANARY.encode(), canary.encode()))
        assert (answer.status, answer.code) == self.answers, answer.text
        assert answer.header("x-request-id") == answer.json()["request_id"]
        assert answer.header("x-content-type-options") == "nosniff"
        return answer
