"""What the tests of several modules stand on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from krai.backends.local.directory import LocalDirectory
from krai.ports import Stores
from tests.https_source import HttpsSource, serving as serving_https
from tests.unit.clocked import open_stores
from tests.unit.identity.provider import Provider, serving


@pytest.fixture
async def directory(tmp_path: Path) -> AsyncIterator[LocalDirectory]:
    directory = LocalDirectory(tmp_path / "directory.sqlite")
    yield directory
    await directory.close()


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with open_stores(tmp_path) as stores:
        yield stores


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving() as here:
        yield here


@pytest.fixture
def source() -> Iterator[HttpsSource]:
    with serving_https() as source:
        yield source
