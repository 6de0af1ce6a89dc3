"""Links that prove themselves: who has one may do what it says until it ends, and nothing has to be stored about it."""

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

from krai.errors import Terminal


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with HMAC-SHA256 (RFC 2104) over method, path, end and claims, so that no part fits another link."""

    secret: bytes

    def sign(self, method: str, path: str, *, expires: int, claims: dict[str, str]) -> str:
        """`path?expires=…&claims…&signature=…`, quoted as a URL; `expires` in seconds since 1970."""
        signature = self._signature(method, path, str(expires), claims)
        return f"{quote(path)}?{urlencode({'expires': expires, **claims, 'signature': signature}, quote_via=quote)}"

    def verify(self, method: str, path: str, query: str, *names: str) -> dict[str, str]:
        """The claims, which are of these names. Raises Terminal invalid_link unless path and query are those of `sign` and have not
        expired."""
        fields = {"expires", *names, "signature"}
        try:
            given = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=len(fields))
        except ValueError:
            raise Terminal("invalid_link") from None
        told = dict(given)
        if told.keys() != fields or len(given) != len(fields):
            raise Terminal("invalid_link")
        claims = {name: told[name] for name in names}
        expected = self._signature(method, path, told["expires"], claims)
        # As bytes, for comparing text that is not ASCII raises.
        if not hmac.compare_digest(expected.encode(), told["signature"].encode(errors="replace")):
            raise Terminal("invalid_link")
        if int(told["expires"]) <= time.time():
            raise Terminal("invalid_link")
        return claims

    def _signature(self, method: str, path: str, expires: str, claims: dict[str, str]) -> str:
        # As JSON, for joined by a separator two different links could have the same text.
        text = json.dumps([method, path, expires, claims], sort_keys=True)
        return hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
