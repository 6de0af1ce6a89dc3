"""Both faces of the client as one, in front of a real krai whose line can fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from krai.client import AsyncClient, Client, Job
from tests.faulty_proxy import FaultyProxy
from tests.unit.api.house import KEY, House
from tests.unit.api.served import serve

SYNC, ASYNC = "sync", "async"


@dataclass
class Face:
    """`line` is what lies between; `told` is what the client has said to its user."""

    kind: str
    house: House
    line: FaultyProxy
    state: Path
    told: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.line.host}"

    async def call(self, name: str, *args: Any, key: str | None = KEY, patience_s: float = 20.0, **kwargs: Any) -> Any:
        """The call of this name, by a client of its own."""
        options: dict[str, Any] = {"patience_s": patience_s, "state": self.state, "say": self.told.append}
        if self.kind == ASYNC:
            async with AsyncClient(self.url, key, **options) as client:
                return await getattr(client, name)(*args, **kwargs)

        def now() -> Any:
            with Client(self.url, key, **options) as client:
                return getattr(client, name)(*args, **kwargs)

        return await asyncio.to_thread(now)

    async def watch(self, job_id: str, tell: Callable[[Job], None]) -> None:
        """Tells every state as it comes."""
        if self.kind == ASYNC:
            async with AsyncClient(self.url, KEY) as client:
                async for job in client.watch(job_id):
                    tell(job)
            return

        def now() -> None:
            with Client(self.url, KEY) as client:
                for job in client.watch(job_id):
                    tell(job)

        await asyncio.to_thread(now)

    def asked(self, words: str) -> list[str]:
        """The requests that have come so far whose method and target begin so."""
        return [request for request in self.line.requests if request.startswith(words)]


@asynccontextmanager
async def facing(kind: str, house: House, folder: Path) -> AsyncIterator[Face]:
    async with serve(house) as (_, port, _):
        with FaultyProxy(f"127.0.0.1:{port}", http=True) as line:
            yield Face(kind, house, line, folder / "state")
