"""Who asks: a request carries one credential, in a header."""

import re

from starlette.requests import HTTPConnection

from krai.access import Principal
from krai.admission import Admission
from krai.errors import Terminal

# Addresses are written into logs and histories all over the world; a key that has stood in one is everybody's.
IN_THE_ADDRESS = re.compile(rb"(?:^|&)(?:x-)?api[_-]key=", re.IGNORECASE)


async def authenticate(connection: HTTPConnection) -> Principal:
    """Raises Terminal ambiguous_credentials, unauthenticated, invalid_key, invalid_token, not_allowed; Transient auth_unavailable."""
    headers: list[tuple[bytes, bytes]] = connection.scope["headers"]
    sent = [value for name, value in headers if name == b"x-api-key"]
    tokens = [value for name, value in headers if name == b"authorization"]
    if IN_THE_ADDRESS.search(connection.scope["query_string"]):
        raise Terminal("invalid_key", "A key belongs into the x-api-key header. One that was sent in an address should be revoked.")
    if len(sent) + len(tokens) > 1:
        raise Terminal("ambiguous_credentials")
    admission: Admission = connection.app.state.api.admission
    if sent and sent[0]:
        return await admission.by_key(sent[0])
    scheme, _, token = (tokens or [b""])[0].partition(b" ")
    if scheme.lower() == b"bearer" and token.strip():
        return await admission.by_token(token.strip())
    raise Terminal("unauthenticated")
