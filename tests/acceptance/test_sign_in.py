"""People sign in at a real OpenID provider, a process of its own, and krai lets in who is on the allowlist."""

import httpx
import pytest

from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.people import ADA, CLIENT, EVE, OUT_WITHIN_S, SECRET, known_to_krai
from tests.acceptance.waiting import until

pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai, provider: str) -> Deployment:
    return new_krai(known_to_krai(provider)).start()


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


def test_a_browser_gets_a_session_that_exports_and_ends_with_its_removal(krai: Deployment, provider: str) -> None:
    admin = krai.krai.http
    assert admin.put("/api/v1/users", json={"email": ADA}).status_code == httpx.codes.OK
    with KraiClient(krai.api.base_url) as ada:
        answer = _sign_in(ada.http, "ada")
        assert (answer.status_code, str(answer.url)) == (200, f"{krai.api.base_url}/docs")
        assert list(ada.http.cookies) == ["krai-session"]
        job = ada.wait_until_finished(ada.submit_export(dataset="users", limit=3))
        assert (job["status"], job["created_by"]) == ("COMPLETED", f"{provider}|ada")
        assert ada.http.post("/api/v1/exports", json={}, headers={"origin": "https://evil.test"}).json()["code"] == "csrf"
        assert admin.delete("/api/v1/users", params={"email": ADA}).status_code == httpx.codes.NO_CONTENT
        until("Ada is turned away", lambda: ada.http.get("/api/v1/jobs").status_code == httpx.codes.FORBIDDEN, within_s=OUT_WITHIN_S)
        assert ada.http.post("/logout").status_code == httpx.codes.SEE_OTHER
        assert ada.http.get("/api/v1/jobs").status_code == httpx.codes.UNAUTHORIZED
    assert SECRET not in krai.api.whole_log()


def test_a_browser_of_somebody_unknown_reads_why(krai: Deployment) -> None:
    with KraiClient(krai.api.base_url) as eve:
        answer = _sign_in(eve.http, "eve")
        assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert EVE not in answer.text
        assert not list(eve.http.cookies)


def _sign_in(browser: httpx.Client, subject: str) -> httpx.Response:
    """As a person does it: to krai, to the provider's form, and wherever that leads."""
    del browser.headers["x-api-key"]
    browser.headers.update({"accept": "text/html", "sec-fetch-site": "same-origin"})
    form = browser.get("/login", follow_redirects=True)
    assert "Authorize Client" in form.text
    return browser.post(form.url, data={"sub": subject}, follow_redirects=True)


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
