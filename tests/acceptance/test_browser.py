"""A real browser: somebody signs in with it, and its pages call krai. Cookies and origins are what browsers make of them."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Page

from tests.acceptance.browser import build_dashboard, chromium, open_page
from tests.acceptance.deployment import Deployment, NewKrai
from tests.acceptance.people import ADA, OUT_WITHIN_S, known_to_krai
from tests.acceptance.waiting import until

EXPORT = """async () => {
    const answer = await fetch('/api/v1/exports', {
        method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({dataset: 'users', limit: 3})
    })
    return [answer.status, await answer.json()]
}"""
STATUS = "async path => (await fetch(path)).status"
JOB = "async id => (await (await fetch(`/api/v1/jobs/${id}`, {headers: {prefer: 'wait=10'}})).json()).status"
FORM = """action => {
    const form = document.createElement('form')
    Object.assign(form, {method: 'post', action})
    document.body.append(form)
    form.submit()
}"""


@pytest.fixture(scope="module")
def mode() -> str:
    """A browser does not see which mode it is."""
    return "embedded"


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai, provider: str) -> Deployment:
    build_dashboard()
    return new_krai(known_to_krai(provider)).start()


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield open_page(browser)


def test_somebody_signs_in_and_works_until_an_admin_removes_them(krai: Deployment, page: Page, provider: str) -> None:
    admin, here = krai.krai.http, krai.api.base_url
    assert admin.put("/api/v1/users", json={"email": ADA}).status_code == httpx.codes.OK
    page.goto(f"{here}/login")
    assert page.url.startswith(provider)
    page.get_by_role("button", name="ada").click()
    page.wait_for_url(f"{here}/docs")
    (cookie,) = page.context.cookies(here)
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("krai-session", True, "Lax")
    assert page.evaluate("document.cookie") == ""

    status, job = page.evaluate(EXPORT)
    assert (status, job["created_by"]) == (202, f"{provider}|ada")
    until("the job completes", lambda: page.evaluate(JOB, job["job_id"]) == "COMPLETED", within_s=30)
    page.locator("#operations-jobs-createExport, [id*=exports][id*=post]").first.click()
    page.get_by_role("button", name="Try it out").click()
    with page.expect_response(re.compile(r"/api/v1/exports(\?|$)")) as sent:
        page.get_by_role("button", name="Execute").click()
    assert sent.value.status == 202, "the page of the documentation acts for whoever has signed in"

    page.goto(provider)  # another port is another origin, but the same site: the browser adds the cookie
    with page.expect_navigation() as sent_from_there:
        page.evaluate(FORM, f"{here}/api/v1/exports")
    assert sent_from_there.value.json()["code"] == "csrf"

    dashboard = page.context.new_page()
    dashboard.goto(f"{here}/ui")
    dashboard.get_by_role("link", name="Export users").first.wait_for()
    dashboard.get_by_text("Live", exact=True).wait_for()
    page.goto(f"{here}/docs")
    told = page.evaluate(EXPORT)[1]["job_id"]
    dashboard.locator(f"a[href$='{told}']").wait_for()
    assert page.evaluate(STATUS, "/api/v1/jobs") == 200
    assert admin.delete("/api/v1/users", params={"email": ADA}).status_code == httpx.codes.NO_CONTENT
    until("they are out", lambda: page.evaluate(STATUS, "/api/v1/jobs") == 403, within_s=OUT_WITHIN_S)
    dashboard.wait_for_url("**/ui/sign-in?reason=not_allowed*")
    dashboard.get_by_text("Your address is not, or no longer, on the list").wait_for()
