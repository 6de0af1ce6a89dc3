from collections.abc import Iterator

import pytest

from tests.https_source import HttpsSource, serving


@pytest.fixture
def source() -> Iterator[HttpsSource]:
    with serving() as source:
        yield source
