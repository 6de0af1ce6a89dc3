"""The command `krai` as somebody types it, in this process, at a krai without a worker."""

import asyncio
import io
import json
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from krai.cli.app import main
from tests.unit.api.house import KEY, House


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of stdout, which is one document."""
        return json.loads(self.out)


@dataclass
class Terminal:
    house: House
    url: str
    captured: pytest.CaptureFixture[str]
    environment: pytest.MonkeyPatch

    def __post_init__(self) -> None:
        self.environment.setenv("KRAI_URL", self.url)
        self.environment.setenv("KRAI_API_KEY", KEY)

    async def krai(self, *arguments: str, stdin: bytes = b"") -> Said:
        """Run it without a terminal. `main` tells typer's own ends by their codes, as Python does."""
        self.environment.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))

        def run() -> int:
            try:
                return main(arguments)
            except SystemExit as ended:
                return int(str(ended.code))

        self.captured.readouterr()
        code = await asyncio.to_thread(run)
        said = self.captured.readouterr()
        return Said(code, said.out, said.err)
