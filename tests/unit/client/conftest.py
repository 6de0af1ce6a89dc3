from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.house import open_house
from tests.unit.client.faces import ASYNC, SYNC, Face, facing


@pytest.fixture(params=[SYNC, ASYNC])
async def face(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Face]:
    async with open_house(tmp_path) as house, facing(str(request.param), house, tmp_path) as face:
        yield face
