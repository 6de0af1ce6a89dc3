"""The dashboard in a real browser, on a real krai: what somebody does with it from the first sign-in to a file in their hands."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.acceptance.browser import build_dashboard, chromium, findings, open_page
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai

ROWS, BROKEN_EVERY = 300_000, 50_000
# A file as an explorer drops it: made in the page, for it has no path there.
DROP = """([target, rows, every]) => {
    const lines = ['id,name,email,joined']
    for (let id = 1; id <= rows; id++)
        lines.push(id % every ? `${id},Person ${id},p${id}@example.org,2026-01-1${id % 10}` : `${id},broken`)
    const dropped = new DataTransfer()
    dropped.items.add(new File([lines.join('\\n')], 'People.csv', {lastModified: 1}))
    for (const name of ['dragover', 'drop'])
        target.dispatchEvent(new DragEvent(name, {dataTransfer: dropped, bubbles: true, cancelable: true}))
}"""
SEEN = """() => {
    window.seen = []
    const look = () => window.seen.push(document.querySelector('[role=progressbar]')?.getAttribute('aria-valuenow'))
    new MutationObserver(look).observe(document.body, {subtree: true, attributes: true, childList: true, characterData: true})
}"""
SCRIPTS = """() => performance.getEntriesByType('resource').filter(({name}) => name.endsWith('.js'))
    .reduce((sum, {encodedBodySize}) => sum + encodedBodySize, 0)"""
MOST_SCRIPT_BYTES = 250_000
AT_ONCE = "* { transition: none !important; animation: none !important; }"  # half-way between two colours there is little contrast
# Uploads go to another origin in mode gcp; all else is the API's, which is the same in both.
pytestmark = EMBEDDED_IN_THE_GATE


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    build_dashboard()
    return new_krai({"CUSTOMER_NAME": "ACME"}).start()


@pytest.fixture(scope="module")
def browser(krai: Deployment) -> Iterator[Browser]:  # noqa: ARG001 (it ends before krai, whose stores are then looked at)
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, krai: Deployment) -> Iterator[Page]:
    """Signed in with the key of the deployment."""
    opened = open_page(browser)
    sign_in(opened, krai)
    yield opened
    opened.context.close()


def sign_in(page: Page, krai: Deployment, key: str | None = None) -> None:
    page.goto(f"{krai.api.base_url}/ui")
    page.get_by_label("API key").fill(key or own_key(krai))
    page.get_by_role("button", name="Sign in with the key").click()
    page.get_by_role("heading", name="Jobs", exact=True).wait_for()


def own_key(krai: Deployment) -> str:
    return str(krai.krai.http.headers["x-api-key"])


def confirm(page: Page, name: str, verb: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=verb, exact=True).click()


def test_nobody_gets_in_with_a_wrong_key_and_the_first_page_helps(browser: Browser, krai: Deployment) -> None:
    page = open_page(browser)
    page.goto(f"{krai.api.base_url}/ui/jobs/nothing")
    page.get_by_label("API key").fill("krai_wrong")
    page.get_by_role("button", name="Sign in with the key").click()
    page.get_by_text("krai knows no such key.").wait_for()
    page.get_by_label("API key").fill(own_key(krai))
    page.get_by_role("button", name="Sign in with the key").click()
    page.get_by_role("heading", name="There is no such page").wait_for()
    page.get_by_role("link", name="To all jobs").click()
    page.get_by_role("heading", name="Nothing has been exported or imported yet").wait_for()
    assert page.evaluate("localStorage.length") == 0, "the key is kept in this tab alone"
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in", exact=True).wait_for()
    assert page.evaluate("sessionStorage.length") == 0
    page.context.close()


def test_a_file_is_dropped_tried_imported_and_comes_out_again(krai: Deployment, page: Page, tmp_path: Path) -> None:
    page.get_by_role("link", name="New import").first.click()
    target = page.locator(".drop").element_handle()
    page.evaluate(DROP, [target, ROWS, BROKEN_EVERY])
    expect(page.get_by_role("combobox", name="Dataset", exact=True)).to_have_value("people")
    page.get_by_role("heading", name="First rows").wait_for()
    expect(page.get_by_role("region", name="First rows").get_by_role("cell", name="p1@example.org")).to_be_visible()
    assert krai.krai.http.get("/api/v1/datasets/people").status_code == httpx.codes.NOT_FOUND, "a dry run changes nothing"

    page.get_by_role("combobox", name="joined in the dataset").fill("since")
    page.evaluate(SEEN)
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_role("heading", name="What the import has done").wait_for()
    moved = {int(value) for value in page.evaluate("window.seen") if value is not None}
    assert len(moved) > 1, f"the bar moves while nobody touches the page; how often depends on the machine: {moved}"
    rejected = ROWS // BROKEN_EVERY
    page.get_by_role("heading", name=f"{rejected} rejected rows").wait_for()
    expect(page.get_by_role("region", name="Rejected rows").get_by_role("row")).to_have_count(rejected + 1)
    assert krai.krai.dataset("people")["rows"] == ROWS - rejected
    assert [column["name"] for column in krai.krai.dataset("people")["columns"]] == ["id", "name", "email", "since"]
    timeline = page.locator("section", has=page.get_by_role("heading", name="Timeline"))
    expect(timeline.get_by_text("Attempt 1", exact=True)).to_be_visible()
    expect(timeline.get_by_role("list", name="What it has spent its time with").get_by_text("Reading")).to_be_visible()

    numbers = range(BROKEN_EVERY, ROWS + 1, BROKEN_EVERY)
    mended = "\n".join(["id,name,email,joined", *(f"{number},Person {number},p{number}@example.org,2026-01-10" for number in numbers)])
    page.set_input_files("input[type=file]", {"name": "mended.csv", "mimeType": "text/csv", "buffer": mended.encode()})
    page.get_by_role("button", name="Import the mended rows").click()
    page.get_by_role("link", name="the job before").wait_for()
    page.get_by_role("heading", name="What the import has done").wait_for()
    assert krai.krai.dataset("people")["rows"] == ROWS
    phases = krai.krai.job(page.url.rpartition("/")[2])["phases"]
    assert [phase["stage"] for phase in phases] == ["fetching", "reading", "uploading", "committing"], "also those that last no time"

    page.get_by_role("link", name="New export").first.click()
    page.get_by_role("combobox", name="Dataset", exact=True).click()
    page.get_by_role("option", name="people", exact=True).click()
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 1: comparison").select_option("is at least")
    page.get_by_label("Condition 1: value").fill("many")
    page.get_by_text("which takes whole numbers").wait_for()
    page.get_by_label("Condition 1: value").fill(str(ROWS - 20_000))
    page.get_by_text("Checked: it can be started").wait_for()
    page.get_by_role("button", name="Start the export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=".csv").click()
    download.value.save_as(tmp_path / "people.csv")
    same = krai.krai.export(dataset="people", filter=f"id >= {ROWS - 20_000}")
    assert (tmp_path / "people.csv").read_bytes() == krai.krai.download(same["download_url"])
    assert same["records"] == 20_001


def test_a_running_job_is_cancelled_retried_and_deleted_before_everybodys_eyes(krai: Deployment, page: Page, browser: Browser) -> None:
    other = open_page(browser)
    sign_in(other, krai)
    with krai.runner.parsers_held():
        job_id = krai.krai.submit_export(dataset="users", labels={"team": "sales"})
        krai.krai.wait_until_attempt(job_id, 1)
        page.goto(f"{krai.api.base_url}/ui/jobs/{job_id}")
        in_the_list = other.get_by_role("row").filter(has=other.locator(f"a[href$='{job_id}']"))
        expect(in_the_list.get_by_text("Running")).to_be_visible()
        confirm(page, "Cancel", "Cancel the job")
        expect(in_the_list.get_by_text("Stopping")).to_be_visible()
    page.get_by_role("heading", name="Timeline").wait_for()
    expect(page.get_by_role("status").filter(has_text="Cancelled")).to_be_visible()
    expect(in_the_list.get_by_text("Cancelled")).to_be_visible()

    other.get_by_label("Status").select_option("Cancelled")
    other.wait_for_url("**/ui/?status=CANCELLED")
    in_the_list.get_by_role("checkbox").check()
    other.get_by_role("button", name="Retry 1").click()
    other.get_by_label("Status").select_option("Completed")
    retried = other.get_by_role("row").filter(has_text="team:sales")
    retried.first.get_by_role("link").click()
    other.get_by_role("heading", name="File", exact=True).wait_for()

    confirm(page, "Delete", "Delete")
    page.get_by_role("heading", name="Jobs", exact=True).wait_for()
    expect(page.locator(f"a[href$='{job_id}']")).to_have_count(0)
    assert krai.krai.http.get(f"/api/v1/jobs/{job_id}").status_code == httpx.codes.NOT_FOUND
    other.context.close()


def test_whoever_has_a_key_that_is_revoked_is_out(krai: Deployment, browser: Browser) -> None:
    made = krai.krai.http.post("/token", json={"name": "of a test", "scopes": ["read"]}).json()
    page = open_page(browser)
    sign_in(page, krai, made["key"])
    assert krai.krai.http.delete("/token", params={"key_id": made["key_id"]}).status_code == httpx.codes.NO_CONTENT
    page.wait_for_url("**/ui/sign-in?reason=invalid_key*")
    page.get_by_text("The API key is good no more").wait_for()
    page.context.close()


def test_axe_finds_nothing(krai: Deployment, page: Page) -> None:
    records = [{"id": 1, "name": "Ada"}, {"id": "one", "name": "Grace"}]
    job_id = krai.krai.submit_import(dataset="contacts", source={"records": records}, schema={"id": "int64"})
    krai.krai.result_of(job_id)
    here = f"{krai.api.base_url}/ui"
    for path, ready in (
        ("/", "Jobs"),
        (f"/jobs/{job_id}", "One rejected row"),
        ("/exports/new", "Which rows"),
        ("/imports/new", "Into"),
        ("/nowhere", "There is no such page"),
        ("/sign-in", "Sign in"),
    ):
        page.goto(here + path)
        page.get_by_role("heading", name=ready, exact=True).first.wait_for()
        page.wait_for_load_state("networkidle")
        page.add_style_tag(content=AT_ONCE)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            expect(page.locator(f"[data-mantine-color-scheme={scheme}]")).to_have_count(1)
            assert findings(page) == [], (path, scheme)
    page.goto(f"{here}/jobs/{job_id}")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog", name="Delete").wait_for()
    page.add_style_tag(content=AT_ONCE)
    assert findings(page) == [], "of a dialog"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_first_page_is_small(krai: Deployment, browser: Browser) -> None:
    page = open_page(browser)
    sign_in(page, krai)
    sent_bytes = page.evaluate(SCRIPTS)
    assert 100_000 < sent_bytes < MOST_SCRIPT_BYTES
    page.context.close()


def test_an_upload_goes_on_after_a_reload(krai: Deployment, page: Page, tmp_path: Path) -> None:
    if krai.emulators is not None:
        pytest.skip("asked how far an upload is, the double ends it")
    file = tmp_path / "long.csv"
    file.write_text("id,text\n" + "\n".join(f"{number},{'x' * 90}" for number in range(100_000)))
    pieces: list[str] = []
    breaks = True

    def pass_on(route: Route) -> None:
        pieces.append(route.request.headers["content-range"])
        if breaks and len(pieces) > 1:
            route.abort()
        else:
            route.continue_()

    page.context.route("**/uploads/**", pass_on)
    page.goto(f"{krai.api.base_url}/ui/imports/new")
    page.set_input_files("input[type=file]", file)
    page.get_by_text("4.19 MB of").wait_for()
    page.reload()
    breaks = False
    pieces.clear()
    page.set_input_files("input[type=file]", file)
    page.get_by_text("stored").wait_for()
    size = file.stat().st_size
    assert pieces[0] == f"bytes */{size}", "it is asked what has arrived"
    assert pieces[1].startswith("bytes 4194304-"), "and goes on from there"
    page.get_by_role("heading", name="First rows").wait_for()
