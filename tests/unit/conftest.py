"""What the tests of several modules stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from krai.backends.local.directory import LocalDirectory


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[LocalDirectory]:
    directory = LocalDirectory(tmp_path / "directory.sqlite")
    yield directory
    await directory.close()
