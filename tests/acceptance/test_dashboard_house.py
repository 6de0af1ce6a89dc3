"""The dashboard's pages of datasets, API keys, users, grants, settings, webhooks and callbacks, in a real browser on a real krai."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.acceptance.browser import build_dashboard, chromium, findings, open_page
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai

AT_ONCE = "* { transition: none !important; animation: none !important; }"  # half-way between two colours there is little contrast
HOOK = "https://hooks.example.org/krai"
RECORDS = [{"id": number, "name": f"Person {number}"} for number in range(3)]
pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    build_dashboard()
    return new_krai({}).start()


@pytest.fixture(scope="module")
def browser(krai: Deployment) -> Iterator[Browser]:  # noqa: ARG001 (it ends before krai, whose stores are then looked at)
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, krai: Deployment) -> Iterator[Page]:
    opened = open_page(browser)
    sign_in(opened, krai, str(krai.krai.http.headers["x-api-key"]))
    yield opened
    opened.context.close()


def sign_in(page: Page, krai: Deployment, key: str) -> None:
    page.goto(f"{krai.api.base_url}/ui/sign-in")
    page.evaluate("key => sessionStorage.setItem('krai-api-key', key)", key)


def go(page: Page, krai: Deployment, path: str) -> None:
    page.goto(f"{krai.api.base_url}/ui/{path}")


def press(page: Page, *names: str) -> None:
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def finish(page: Page, name: str) -> None:
    """Presses the button of a dialog, which then goes."""
    press(page, name)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_earlier_state_of_a_dataset_is_exported_and_the_dataset_is_removed(krai: Deployment, page: Page) -> None:
    for records in (RECORDS, [{"id": 9, "name": "Nine"}]):
        krai.krai.import_(dataset="people", source={"records": records})
    go(page, krai, "datasets")
    page.get_by_label("Find a dataset").fill("peop")
    page.get_by_text("1 of").wait_for()
    page.get_by_role("link", name="people", exact=True).click()
    history = page.get_by_role("table", name="Snapshots").get_by_role("row")
    expect(history).to_have_count(3)
    expect(page.get_by_role("table", name="Columns").get_by_role("row")).to_have_count(3)
    history.nth(2).get_by_role("link", name="Export as of this").click()
    page.get_by_text("Checked: it can be started").wait_for()
    press(page, "Start the export")
    page.get_by_role("heading", name="File", exact=True).wait_for()
    expect(page.locator(".figures dd").first).to_have_text(f"{len(RECORDS)} of {len(RECORDS)}")

    go(page, krai, "datasets/people")
    press(page, "Delete")
    drop = page.get_by_role("button", name="Delete the dataset")
    page.get_by_label("Type people").fill("peopl")
    expect(drop).to_be_disabled()
    page.get_by_label("Type people").fill("people")
    drop.click()
    page.get_by_role("heading", name="Drop of people").wait_for()
    page.get_by_role("status").filter(has_text="Completed").wait_for()
    assert krai.krai.http.get("/api/v1/datasets/people").status_code == httpx.codes.NOT_FOUND


def test_a_key_is_made_shown_once_rotated_and_revoked(krai: Deployment, page: Page) -> None:
    go(page, krai, "keys")
    press(page, "New key")
    page.get_by_label("What it is for").fill("nightly")
    page.get_by_role("checkbox", name="Import").uncheck()
    press(page, "Make the key")
    first = page.get_by_role("region", name="the key").inner_text()
    press(page, "I have kept it")
    assert _me(krai, first).json()["scopes"] == ["export", "read"]
    expect(page.get_by_text(first)).to_have_count(0)
    press(page, "Rotate: nightly")
    page.get_by_role("combobox", name="The old secret goes on working").click()
    page.get_by_role("option", name="not at all").click()
    press(page, "Make a new secret")
    second = page.get_by_role("region", name="the key").inner_text()
    press(page, "I have kept it")
    assert (_me(krai, first).status_code, _me(krai, second).status_code) == (401, 200)
    press(page, "Revoke: nightly", "Revoke the key")
    page.get_by_role("heading", name="There is no key yet").wait_for()
    assert _me(krai, second).status_code == httpx.codes.UNAUTHORIZED


def test_who_may_not_do_one_thing_is_told_so_and_stays_in(krai: Deployment, browser: Browser) -> None:
    made = krai.krai.http.post("/token", json={"name": "reads", "scopes": ["read"]}).json()
    page = open_page(browser)
    sign_in(page, krai, made["key"])
    go(page, krai, "users")
    page.get_by_role("heading", name="This is for admins").wait_for()
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    go(page, krai, "keys")
    page.get_by_text("a key makes no others").wait_for()
    go(page, krai, "exports/new?dataset=users")
    page.get_by_text("You may not do this").wait_for()
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("heading", name="New export")).to_be_visible()
    page.context.close()
    krai.krai.http.delete("/token", params={"key_id": made["key_id"]})


def test_users_and_settings_are_changed(krai: Deployment, page: Page) -> None:
    go(page, krai, "users")
    press(page, "Add a user")
    page.get_by_label("E-mail").fill("ada@example.org")
    page.get_by_role("combobox", name="Groups").fill("sales")
    page.keyboard.press("Tab")
    finish(page, "Let in")
    press(page, "Change: ada@example.org")
    page.get_by_role("dialog").get_by_text("Admin", exact=True).click()
    finish(page, "Save")
    user = krai.krai.http.get("/api/v1/users").json()["users"][0]
    assert (user["email"], user["role"], user["groups"]) == ("ada@example.org", "admin", ["sales"])
    press(page, "Remove: ada@example.org", "Remove")
    page.get_by_role("heading", name="Nobody may sign in").wait_for()

    page.get_by_role("link", name="Grants").click()
    page.get_by_role("heading", name="Every dataset is").wait_for()
    press(page, "New grant")
    page.get_by_role("combobox", name="Dataset").fill("orders")
    page.get_by_role("combobox", name="May import into it").fill("Sales")
    page.keyboard.press("Tab")
    finish(page, "Save")
    press(page, "Change: dataset/orders")
    page.get_by_role("combobox", name="May see and export it").fill("ada@example.org")
    page.keyboard.press("Tab")
    finish(page, "Save")
    page.get_by_text("user:ada@example.org").wait_for()
    (grant,) = krai.krai.http.get("/api/v1/grants").json()["grants"]
    assert (grant["resource"], grant["read"], grant["write"]) == ("dataset/orders", ["user:ada@example.org"], ["group:sales"])
    press(page, "Remove: dataset/orders", "Remove the grant")
    page.get_by_role("heading", name="Every dataset is").wait_for()

    go(page, krai, "settings")
    press(page, "New setting")
    page.get_by_label("Name").fill("banner")
    page.get_by_label("Value").fill('{"text": "Closed"}')
    page.get_by_text("It is taken as an object.").wait_for()
    finish(page, "Save")
    press(page, "Change: banner")
    page.get_by_label("Value").fill("Closed")
    finish(page, "Save")
    expect(page.get_by_role("cell", name="Closed", exact=True)).to_be_visible()
    assert krai.krai.http.get("/settings/banner").json()["value"] == "Closed"
    press(page, "History: banner")
    expect(page.get_by_role("dialog").get_by_text("Closed")).to_have_count(2)
    finish(page, "Close")
    press(page, "Delete: banner", "Delete the setting")
    page.get_by_role("heading", name="There are no settings").wait_for()


def test_the_secret_of_callbacks_is_shown_and_replaced(krai: Deployment, page: Page) -> None:
    go(page, krai, "callbacks")
    press(page, "Show")
    shown = page.get_by_role("region", name="the secret")
    secret = krai.krai.http.get("/api/v1/webhooks/secret").json()["secret"]
    expect(shown).to_have_text(secret)
    press(page, "Replace")
    finish(page, "Make a new secret")
    expect(shown).not_to_have_text(secret)
    page.get_by_text("The one before signs too").wait_for()
    expect(shown).to_have_text(krai.krai.http.get("/api/v1/webhooks/secret").json()["secret"])


def test_a_webhook_is_registered_tried_and_its_deliveries_are_sent_again(krai: Deployment, page: Page) -> None:
    go(page, krai, "webhooks")
    press(page, "New webhook")
    page.get_by_label("URL").fill(f"{HOOK}?token=1")
    page.get_by_role("checkbox", name="cancelled").uncheck()
    press(page, "Register")
    page.get_by_role("heading", name="hooks.example.org/krai", exact=True).wait_for()
    webhook_id = page.url.rpartition("/")[2]
    press(page, "Send a test")
    page.get_by_text("Not taken").wait_for()
    press(page, "Show")
    shown = page.get_by_role("region", name="the secret")
    secret = krai.krai.http.get(f"/api/v1/webhooks/{webhook_id}/secret").json()["secret"]
    expect(shown).to_have_text(secret)
    press(page, "Replace")
    finish(page, "Make a new secret")
    expect(shown).not_to_have_text(secret)

    krai.krai.import_(dataset="told", source={"records": RECORDS})
    press(page, "Refresh")
    page.get_by_role("button", name="Send again: told").click()
    finish(page, "Send it again")
    press(page, "Change")
    page.get_by_role("switch", name="Enabled").uncheck(force=True)
    finish(page, "Save")
    page.get_by_text("It was switched off.").wait_for()
    press(page, "Delete", "Delete the webhook")
    page.get_by_role("heading", name="Nobody is told yet").wait_for()
    assert krai.krai.http.get("/api/v1/webhooks").json()["webhooks"] == []


def test_axe_finds_nothing(krai: Deployment, page: Page) -> None:
    http = krai.krai.http
    http.post("/token", json={"name": "nightly"})
    http.put("/api/v1/users", json={"email": "grace@example.org", "groups": ["sales"]})
    http.put("/settings/banner", json={"value": "Closed"})
    for grant in ({"resource": "dataset/orders", "write": ["group:sales"]}, {"resource": "bucket/acme-landing", "read": ["all"]}):
        http.put("/api/v1/grants", json=grant)
    webhook_id = http.post("/api/v1/webhooks", json={"url": HOOK}).json()["webhook_id"]
    krai.krai.import_(dataset="looked_at", source={"records": RECORDS})
    for path, ready in (
        ("datasets", page.get_by_role("table", name="Datasets")),
        ("datasets/looked_at", page.get_by_role("table", name="Snapshots")),
        ("keys", page.get_by_role("table", name="API keys")),
        ("users", page.get_by_role("table", name="Users")),
        ("grants", page.get_by_role("table", name="Grants")),
        ("settings", page.get_by_role("table", name="Settings")),
        ("callbacks", page.get_by_role("region", name="the check, as Python")),
        ("webhooks", page.get_by_role("table", name="Webhooks")),
        (f"webhooks/{webhook_id}", page.get_by_role("table", name="Deliveries")),
    ):
        go(page, krai, path)
        ready.wait_for()
        page.add_style_tag(content=AT_ONCE)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            expect(page.locator(f"[data-mantine-color-scheme={scheme}]")).to_have_count(1)
            assert findings(page) == [], (path, scheme)
    go(page, krai, "keys")
    press(page, "New key")
    page.get_by_role("dialog", name="New key").wait_for()
    page.add_style_tag(content=AT_ONCE)
    assert findings(page) == [], "of a form"


def _me(krai: Deployment, key: str) -> httpx.Response:
    return httpx.get(f"{krai.api.base_url}/api/v1/me", headers={"x-api-key": key})
