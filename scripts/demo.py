"""Shows krai at work: a server of its own, a CSV in by upload, the same rows out by a signed link. Standard library only."""

import csv
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from scripts.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "krai" / "transfer" / "samples" / "contacts.csv"
KEY = "demo-key-change-me"
START_S = 60
JOB_S = 120
STOP_S = 40
SHOWN_ROWS = 5
SHOWN_COLUMNS = 5
SHOWN_WIDTH = 24
FINISHED = ("COMPLETED", "FAILED", "CANCELLED")
OF_KRAI = ("API_KEY", "CUSTOMER_NAME", "GOOGLE_CLOUD_PROJECT", "GCS_BUCKET", "PORT")


class DemoFailed(Exception):
    """What went wrong, in one line."""


class Server:
    """`python main.py` on a free port and a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "krai.log"
        environment = {name: value for name, value in os.environ.items() if name not in OF_KRAI and not name.startswith("KRAI_")}
        environment |= {"PORT": str(self.port), "KRAI_DATA_DIR": str(folder / "data")}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "main.py"], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            if self.process.poll() is not None:
                raise DemoFailed(f"main.py ended with exit code {self.process.returncode}")
            try:
                status, _ = call("GET", f"{self.base_url}/readyz")
            except OSError:
                status = 0
            if status == 200:  # noqa: PLR2004  the one number every reader knows
                return
            if time.monotonic() > deadline:
                raise DemoFailed(f"the server was not ready within {START_S} s")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"the server did not stop within {STOP_S} s of SIGTERM") from None
        if code != 0:
            raise DemoFailed(f"the server stopped with exit code {code}")

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def call(method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of an answer, whatever the status. Raises OSError when there is no answer."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)  # noqa: S310  always our own server
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read()


class Client:
    """The calls of the demo, each with the demo key."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def ask(self, method: str, path: str, expected: int, request: dict[str, Any] | None = None) -> dict[str, Any]:
        headers = {"x-api-key": KEY, "Prefer": "wait=2"}
        body = None
        if request is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(request).encode()
        status, answer = call(method, urljoin(self.base_url, path), body, headers)
        if status != expected:
            raise DemoFailed(f"{method} {path} answered {status}: {answer.decode(errors='replace')[:500]}")
        document: dict[str, Any] = json.loads(answer)
        return document

    def upload(self, file: Path) -> str:
        """Send the file to where krai says; returns the upload's id."""
        opened = self.ask("POST", "/api/v1/uploads", 201, {})
        status, answer = call(opened["method"], urljoin(self.base_url, opened["upload_url"]), file.read_bytes(), opened["headers"])
        if status not in (200, 201):
            raise DemoFailed(f"the upload was answered {status}: {answer.decode(errors='replace')[:500]}")
        return str(opened["upload_id"])

    def run(self, noun: str, request: dict[str, Any]) -> dict[str, Any]:
        """Create a job, follow it to its end, return its result."""
        started = time.monotonic()
        job = self.ask("POST", f"/api/v1/{noun}", 202, request)
        path = f"/api/v1/jobs/{job['job_id']}"
        while job["status"] not in FINISHED:
            if time.monotonic() - started > JOB_S:
                raise DemoFailed(f"the job is still {job['status']} after {JOB_S} s")
            job = self.ask("GET", path, 200)
            show_progress(job)
        if job["status"] != "COMPLETED":
            raise DemoFailed(f"the job ended {job['status']}: {(job['error'] or {}).get('detail', '')}")
        say("", f"{job['status']} in {time.monotonic() - started:.1f} s")
        return self.ask("GET", f"{path}/result", 200)


def say(step: str, text: str) -> None:
    print(f"  {step:<9} {text}", flush=True)


def show_progress(job: dict[str, Any]) -> None:
    if sys.stdout.isatty():
        bar = "█" * (job["progress"] // 5)
        print(
            f"            {bar:<20} {job['progress']:3} %  {job['stage']}",
            end="\r\033[K" if job["status"] in FINISHED else "\r",
            flush=True,
        )


def show_table(rows: list[list[str]]) -> None:
    head = [[cell[:SHOWN_WIDTH] for cell in row[:SHOWN_COLUMNS]] for row in rows[: SHOWN_ROWS + 1]]
    widths = [max(len(row[column]) for row in head) for column in range(len(head[0]))]
    print()
    for number, row in enumerate(head):
        print("    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("    " + "  ".join("─" * width for width in widths))
    print()


def read_table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def show(client: Client) -> None:
    sent = read_table(SAMPLE.read_bytes())
    say("upload", f"{SAMPLE.relative_to(ROOT)}: {len(sent) - 1:,} rows, {SAMPLE.stat().st_size:,} bytes")
    upload_id = client.upload(SAMPLE)

    say("import", "into the dataset demo_contacts")
    imported = client.run("imports", {"dataset": "demo_contacts", "source": {"upload_id": upload_id}, "format": "csv", "mode": "replace"})
    say("", f"{imported['records_inserted']:,} rows inserted, {imported['records_rejected']:,} rejected")

    say("export", "the dataset as CSV")
    exported = client.run("exports", {"dataset": "demo_contacts", "format": "csv"})
    status, content = call("GET", urljoin(client.base_url, exported["download_url"]))
    if status != 200:  # noqa: PLR2004  the one number every reader knows
        raise DemoFailed(f"the download link answered {status}")
    say("download", f"{exported['files'][0]['name']}: {exported['records']:,} rows, {len(content):,} bytes, by a link that needs no key")

    if hashlib.sha256(content).hexdigest() != exported["files"][0]["sha256"]:
        raise DemoFailed("the file is not the one the result describes: its sha256 differs")
    received = read_table(content)
    if len(received) != len(sent) or received[0] != sent[0]:
        raise DemoFailed(f"{len(sent) - 1:,} rows went in and {len(received) - 1:,} came out, or the columns differ")
    show_table(received)


def main() -> int:
    print("krai: a real file in, a real file out\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="krai-demo-") as folder:
        server = Server(Path(folder))
        try:
            server.wait_until_ready()
            say("server", f"{server.base_url}, its data in {folder}")
            show(Client(server.base_url))
            server.stop()
        except (DemoFailed, OSError) as error:
            print(f"\nThe demo failed: {error}\n\nThe last lines of the server:\n{server.last_lines()}", file=sys.stderr)
            return 1
        finally:
            server.process.kill()
            server.process.wait()
    print("  The server has stopped and its data is removed. To look around yourself:")
    print("    make run                       then http://127.0.0.1:8080/docs, with the key demo-key-change-me")
    print("    make dashboard run             with node: the same in a browser, at http://127.0.0.1:8080/ui")
    print("    README.md                      the calls to paste, and the command krai")
    return 0


if __name__ == "__main__":
    sys.exit(main())
