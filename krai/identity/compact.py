"""An ID token taken apart (RFC 7515, compact serialization): well-formed, and not yet to be believed."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

from krai import strict_json
from krai.errors import Terminal
from krai.identity import base64url

LARGEST_BYTES = 8 * 1024
ALGORITHMS = ("RS256", "ES256")
_THREE_PARTS = re.compile(rb"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says; `token` is the whole of it."""

    token: bytes
    alg: str
    kid: str | None
    claims: dict[str, Any]


def read(token: bytes) -> Unverified:
    """Raises Terminal invalid_token."""
    if len(token) > LARGEST_BYTES:
        refuse(f"It has more than {LARGEST_BYTES} bytes.")
    parts = _THREE_PARTS.fullmatch(token)
    if parts is None:
        refuse("It is not three parts in base64url.")
    header = _json(parts[1], "header")
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS:
        refuse("Its alg is neither RS256 nor ES256.")
    if "crit" in header:
        refuse("Its header has crit.")
    if "kid" in header and not isinstance(kid, str):
        refuse("Its kid is not a string.")
    return Unverified(token, alg, kid, _json(parts[2], "payload"))


def refuse(rule: str) -> NoReturn:
    """`rule` names what a token must be, never what this one holds."""
    raise Terminal("invalid_token", rule) from None


def _json(part: bytes, name: str) -> dict[str, Any]:
    try:
        value = strict_json.parse(base64url.decode(part))
    except ValueError:
        refuse(f"Its {name} is not base64url.")
    except Terminal:
        refuse(f"Its {name} is not strict JSON.")
    if not isinstance(value, dict):
        refuse(f"Its {name} is not a JSON object.")
    return value
