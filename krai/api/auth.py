"""Who asks: a request carries one credential, in a header or as the cookie of a session."""

import re

from starlette.requests import HTTPConnection

from krai.access import Principal
from krai.admission import Admission
from krai.api import cookies, same_origin
from krai.api.address import base_url
from krai.api.cookies import Cookie
from krai.errors import Terminal

# Addresses are written into logs and histories all over the world; a key that has stood in one is everybody's.
IN_THE_ADDRESS = re.compile(rb"(?:^|&)(?:x-)?api[_-]key=", re.IGNORECASE)


async def authenticate(connection: HTTPConnection) -> Principal:
    """Raises Terminal ambiguous_credentials, unauthenticated, invalid_key, invalid_token, csrf, not_allowed; Transient auth_unavailable."""
    headers: list[tuple[bytes, bytes]] = connection.scope["headers"]
    sent = [value for name, value in headers if name == b"x-api-key"]
    tokens = [value for name, value in headers if name == b"authorization"]
    if IN_THE_ADDRESS.search(connection.scope["query_string"]):
        raise Terminal("invalid_key", "A key belongs into the x-api-key header. One that was sent in an address should be revoked.")
    here = await base_url(connection)
    sessions = cookies.read(connection, Cookie.SESSION, here)
    if len(sent) + len(tokens) + len(sessions) > 1:
        raise Terminal("ambiguous_credentials")
    admission: Admission = connection.app.state.api.admission
    if sent and sent[0]:
        return await admission.by_key(sent[0])
    scheme, _, token = (tokens or [b""])[0].partition(b" ")
    if scheme.lower() == b"bearer" and token.strip():
        return await admission.by_token(token.strip())
    if sessions:
        same_origin.insist(connection, here)
        return await admission.by_session(sessions[0])
    raise Terminal("unauthenticated")
