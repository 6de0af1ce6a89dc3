import ssl
from collections.abc import AsyncIterator, Iterator

import pytest
import trustme

from krai.identity.tokens import Tokens
from tests.unit.identity.provider import Provider, serving


@pytest.fixture
def provider_with_tls() -> Iterator[Provider]:
    authority = trustme.CA()
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(own)
    with serving(own) as here:
        here.trust = ssl.create_default_context()
        authority.configure_trust(here.trust)
        yield here


@pytest.fixture
async def tokens(provider: Provider) -> AsyncIterator[Tokens]:
    opened = provider.tokens()
    yield opened
    await opened.close()
