from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.https_source import HttpsSource, serving
from tests.unit.transfer.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def source() -> Iterator[HttpsSource]:
    with serving() as source:
        yield source
