"""Takes the pictures of docs/dashboard.md: each page of a krai of its own, light, dark and as wide as a phone."""

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from scripts import demo, frontend

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "dashboard"
KEY, JSON = {"x-api-key": demo.KEY}, {"content-type": "application/json"}
VIEWS: Mapping[str, Mapping[str, Any]] = {
    "light": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 860}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 800}, "color_scheme": "light", "has_touch": True},
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PEOPLE = 4000
MANY = 10_000_000
NOWHERE = "https://files.krai.invalid/orders.csv"  # as RFC 2606 has it: each attempt to import from there fails
COUNTRIES = ("DE", "FR", "IT", "US")
WAIT_MS = 60_000
Step = Callable[[Page], None]


def main() -> None:
    frontend.build()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, krai(Path(folder)) as here, chromium() as browser:
        jobs = fill(here, Path(folder))
        for view, context in VIEWS.items():
            page = browser.new_context(**context, reduced_motion="reduce").new_page()
            page.set_default_timeout(WAIT_MS)
            take(page, here, view, jobs, Path(folder) / "people.csv")
            page.context.close()


def take(page: Page, here: str, view: str, jobs: Mapping[str, str], file: Path) -> None:
    shoot(page, f"{here}/ui", f"sign-in-{view}", lambda page: page.get_by_label("API key").wait_for())
    page.evaluate("key => sessionStorage.setItem('krai-api-key', key)", demo.KEY)
    # The running job is asked for anew: each picture has it on its way.
    running = submit(here, "imports", {"dataset": f"measurements_{view}", "source": {"upload_id": jobs["many"]}, "labels": {"team": "lab"}})
    shoot(page, f"{here}/ui/jobs/{running}", f"running-{view}", on_its_way)
    shoot(page, f"{here}/ui", f"jobs-{view}", lambda page: page.get_by_role("link", name="Import people").first.wait_for())
    shoot(page, f"{here}/ui/jobs/{jobs['export']}", f"export-{view}", heading("File"))
    shoot(page, f"{here}/ui/jobs/{jobs['import']}", f"rejects-{view}", heading("What the import has done"))
    shoot(page, f"{here}/ui/jobs/{jobs['failed']}", f"failed-{view}", heading("Timeline"))
    shoot(page, f"{here}/ui/jobs/{jobs['tried']}", f"attempts-{view}", timeline_at_the_top)
    shoot(page, f"{here}/ui/exports/new?dataset=people", f"new-export-{view}", filter_built)
    shoot(page, f"{here}/ui/imports/new", f"new-import-{view}", lambda page: file_tried(page, file))
    take_house(page, here, view, jobs["webhook"])


def take_house(page: Page, here: str, view: str, webhook_id: str) -> None:
    for path, name, table in (
        ("datasets", "datasets", "Datasets"),
        ("datasets/people", "dataset", "Snapshots"),
        ("keys", "keys", "API keys"),
        ("users", "users", "Users"),
        ("grants", "grants", "Grants"),
        ("settings", "settings", "Settings"),
        ("webhooks", "webhooks", "Webhooks"),
        (f"webhooks/{webhook_id}", "webhook", "Deliveries"),
    ):
        shoot(page, f"{here}/ui/{path}", f"{name}-{view}", listed(table))
    shoot(page, f"{here}/ui/callbacks", f"callbacks-{view}", heading("Secret"))


def shoot(page: Page, url: str, name: str, ready: Step) -> None:
    page.goto(url)
    ready(page)
    page.wait_for_timeout(300)  # for what fades in
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"docs/dashboard/{name}.png")


def heading(name: str) -> Step:
    return lambda page: page.get_by_role("heading", name=name, exact=True).wait_for()


def listed(name: str) -> Step:
    return lambda page: page.get_by_role("table", name=name, exact=True).wait_for()


def on_its_way(page: Page) -> None:
    page.get_by_text(re.compile("^about .* left$")).wait_for()


def timeline_at_the_top(page: Page) -> None:
    page.get_by_role("heading", name="Timeline").evaluate("node => scrollBy(0, node.getBoundingClientRect().top - 90)")


def filter_built(page: Page) -> None:
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("Condition 1: column").select_option("country")
    page.get_by_label("Condition 1: comparison").select_option("is one of")
    page.get_by_label("Condition 1: value").fill("DE, FR")
    page.get_by_text("Checked: it can be started").wait_for()
    page.mouse.wheel(0, 120)


def file_tried(page: Page, file: Path) -> None:
    page.set_input_files("input[type=file]", file)
    page.get_by_role("heading", name="First rows").wait_for()
    page.get_by_role("heading", name="What would happen").scroll_into_view_if_needed()
    page.mouse.wheel(0, 420)


def fill(here: str, folder: Path) -> dict[str, str]:
    """Jobs of every kind; their ids."""
    lines = [f"{n},Person {n},p{n}@example.org,{COUNTRIES[n % 4]},2026-0{1 + n % 9}-1{n % 10}" for n in range(1, PEOPLE + 1)]
    lines[41], lines[999] = "42,broken", "1000,a,b,c,d,e"
    people = folder / "people.csv"
    people.write_text("id,name,email,country,joined\n" + "\n".join(lines))
    many = folder / "measurements.csv"
    with many.open("w") as file:
        file.write("id,celsius,at\n")
        file.writelines(f"{n},{n % 40}.5,2026-01-01T00:00:00Z\n" for n in range(MANY))
    uploaded = upload(here, people)
    jobs = {"many": upload(here, many), "webhook": furnish(here)}
    jobs["tried"] = submit(here, "imports", {"dataset": "orders", "source": {"url": NOWHERE}})
    jobs["import"] = finished(
        here, submit(here, "imports", {"dataset": "people", "source": {"upload_id": uploaded}, "labels": {"team": "sales"}})
    )
    request = {"dataset": "people", "filter": "country IN ('DE', 'FR')", "order_by": ["-joined"], "labels": {"team": "sales"}}
    jobs["export"] = finished(here, submit(here, "exports", request))
    finished(
        here, submit(here, "exports", {"dataset": "users", "format": "parquet", "split_rows": 2500, "description": "For the warehouse"})
    )
    finished(here, submit(here, "imports", {"source": "salesforce", "dataset": "contacts"}))
    finished(here, jobs["tried"])
    jobs["failed"] = finished(here, submit(here, "imports", {"dataset": "people", "source": {"upload_id": uploaded}, "max_errors": 1}))
    return jobs


def furnish(here: str) -> str:
    """Keys, users, grants, settings and webhooks; the id of a webhook."""
    post(f"{here}/token", {"name": "nightly export", "scopes": ["read", "export"]})
    post(f"{here}/token", {"name": "loader of the orders", "expires_in_days": None})
    for user in ({"email": "ada@example.org", "role": "admin"}, {"email": "grace@example.org", "groups": ["sales", "support"]}):
        send("PUT", f"{here}/api/v1/users", user)
    grants = {"dataset/people": {"read": ["all"], "write": ["group:sales"]}, "bucket/acme-landing": {"read": ["user:ada@example.org"]}}
    for resource, granted in grants.items():
        send("PUT", f"{here}/api/v1/grants", {"resource": resource, **granted})
    for name, value in (("banner", "Exports pause on Sunday from 9 to 12."), ("limits", {"rows": 5000, "teams": ["lab", "sales"]})):
        send("PUT", f"{here}/settings/{name}", {"value": value})
    alarm = {"url": "https://hooks.example.org/alarm", "events": ["job.failed"], "datasets": ["orders"], "enabled": False}
    post(f"{here}/api/v1/webhooks", alarm)
    told = {"url": "https://hooks.example.org/krai", "description": "The data team", "scope": "all"}
    return str(post(f"{here}/api/v1/webhooks", told)["webhook_id"])


def submit(here: str, noun: str, body: Mapping[str, Any]) -> str:
    return str(post(f"{here}/api/v1/{noun}", body)["job_id"])


def upload(here: str, file: Path) -> str:
    opened = post(f"{here}/api/v1/uploads", {"filename": file.name})
    demo.call("PUT", opened["upload_url"], file.read_bytes(), opened["headers"])
    return str(opened["upload_id"])


def finished(here: str, job_id: str) -> str:
    while json.loads(demo.call("GET", f"{here}/api/v1/jobs/{job_id}", headers=KEY)[1])["status"] not in demo.FINISHED:
        time.sleep(0.1)
    return job_id


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return send("POST", url, body)


def send(method: str, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(demo.call(method, url, json.dumps(body).encode(), KEY | JSON)[1])
    return answer


@contextmanager
def krai(folder: Path) -> Iterator[str]:
    """The address of a krai of its own."""
    server = demo.Server(folder)
    try:
        server.wait_until_ready()
        yield server.base_url
    finally:
        server.stop()


@contextmanager
def chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        sys.exit("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
