"""People sign in at a real OpenID provider, a process of its own, and krai lets in who is on the allowlist."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.ports import free_port
from tests.acceptance.deployment import Deployment, NewKrai
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.waiting import until

CLIENT = "krai-dashboard"
PROVIDER = Path(sys.executable).with_name("oidc-provider-mock")
ADA, EVE = "ada@example.org", "eve@example.org"
OUT_WITHIN_S = 60


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The URL of one that knows Ada and Eve."""
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


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai, provider: str) -> Deployment:
    issuers = json.dumps([{"issuer": provider, "audience": CLIENT, "tenant": "acme"}])
    return new_krai({"KRAI_OIDC_ISSUERS": issuers}).start()


def test_who_is_on_the_list_exports_and_is_out_within_a_minute_of_his_removal(krai: Deployment, provider: str) -> None:
    admin = krai.krai.http
    assert admin.put("/api/v1/users", json={"email": ADA}).status_code == httpx.codes.OK
    with _signed_in(krai, provider, "ada") as ada:
        job = ada.wait_until_finished(ada.submit_export(dataset="users", limit=3))
        assert (job["status"], job["created_by"]) == ("COMPLETED", f"{provider}|ada")
        assert admin.delete("/api/v1/users", params={"email": ADA}).status_code == httpx.codes.NO_CONTENT
        until("Ada is turned away", lambda: ada.http.get("/api/v1/jobs").status_code == httpx.codes.FORBIDDEN, within_s=OUT_WITHIN_S)


def test_who_is_not_is_turned_away(krai: Deployment, provider: str) -> None:
    with _signed_in(krai, provider, "eve") as eve:
        refused = eve.http.post("/api/v1/exports", json={"dataset": "users"})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert EVE not in refused.text


def _signed_in(krai: Deployment, provider: str, subject: str) -> KraiClient:
    """A client with an ID token that the provider has given by the authorization code flow (OpenID Connect Core 1.0, 3.1)."""
    asked = {"client_id": CLIENT, "redirect_uri": f"{krai.api.base_url}/back", "response_type": "code", "scope": "openid email"}
    with httpx.Client(base_url=provider) as browser:
        sent_back = browser.post("/oauth2/authorize", params=asked, data={"sub": subject})
        code = httpx.URL(sent_back.headers["location"]).params["code"]
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": asked["redirect_uri"]}
        tokens = browser.post("/oauth2/token", data=grant, auth=(CLIENT, "secret")).json()
    client = KraiClient(krai.api.base_url)
    del client.http.headers["x-api-key"]
    client.http.headers["authorization"] = f"Bearer {tokens['id_token']}"
    return client


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/.well-known/openid-configuration").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
