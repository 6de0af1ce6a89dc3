"""A real OpenID provider, a process of its own, and people who sign in at it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from scripts.ports import free_port
from tests.acceptance.waiting import until

CLIENT, SECRET = "krai-dashboard", "s3cr3t-of-the-client"
PROVIDER = Path(sys.executable).with_name("oidc-provider-mock")
ADA, EVE = "ada@example.org", "eve@example.org"
OUT_WITHIN_S = 60


@contextmanager
def serving() -> Iterator[str]:
    """The URL of a provider that knows Ada and Eve."""
    port = free_port()
    people = [json.dumps({"sub": email[:3], "email": email, "email_verified": True}) for email in (ADA, EVE)]
    process = subprocess.Popen([PROVIDER, "--port", str(port), *(word for claims in people for word in ("--user-claims", claims))])
    url = f"http://127.0.0.1:{port}"
    try:
        until("the provider answers", lambda: _answers(url), within_s=30)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def known_to_krai(provider: str) -> dict[str, str]:
    """The environment of a krai where people of this provider sign in; the provider takes no client without a secret."""
    issuer = {"issuer": provider, "audience": CLIENT, "tenant": "acme", "client_secret": SECRET}
    return {"KRAI_OIDC_ISSUERS": json.dumps([issuer])}


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
