from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.api.house import open_house
from tests.unit.api.served import serve
from tests.unit.cli.terminal import Terminal


@pytest.fixture
async def terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> AsyncIterator[Terminal]:
    """Somebody at a krai, with a home of their own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    with capture_logs():  # krai's own, which would go to the same stdout
        async with open_house(tmp_path) as house, serve(house) as (_, port, _):
            yield Terminal(house, f"http://127.0.0.1:{port}", capfd, monkeypatch)
