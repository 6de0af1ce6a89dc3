"""Writes the terminal session of docs/cli.md: `make cli-session` types its commands at a krai of its own and keeps what was said.

What differs from run to run (ids, times, keys, the port) is replaced by examples, so that a new recording shows what has changed.
"""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.ports import free_port

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "cli.md"
BEGIN, END = "<!-- session: made by `make cli-session` -->", "<!-- end of session -->"
KEY = "demo-key-change-me"
START_S, COMMAND_S = 60, 120
WIDTH = 132
SNAPSHOT = 5435699437142570178

FILES = {
    "orders.csv": "id,item,price,day\n1,tea,2.50,2026-11-02\n2,coffee,3.00,2026-11-02\n3,milk,1.25,2026-11-03\n4,bread\n",
    "more.csv": "id,item,price,day\n3,oat milk,1.95,2026-11-04\n5,sugar,0.99,2026-11-04\n",
}
SESSION = (
    "krai doctor",
    "krai datasets",
    "krai import orders.csv orders --dry-run",
    "krai import orders.csv orders --rejects rejects.csv",
    "echo $?",
    "krai jobs list",
    "krai jobs errors JOB",
    "krai import more.csv orders --mode upsert --key id",
    "krai datasets history orders",
    "krai export orders -o orders.parquet",
    'krai export orders -o - --filter "price < 2" --order-by -price',
    "krai export users -o users --split-rows 4000 --compression gzip",
    "krai verify users/manifest.json --url $KRAI_URL",
    "krai datasets show orders --json | head -c 120; echo",
    "krai keys create nightly --scope read,export --expires-in-days 30",
    "krai export nobody -o nobody.csv",
    "echo $?",
)
STEADY = (
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://127.0.0.1:8080"),
    (re.compile(r"krai_[0-9a-f]{16}_\w+"), "krai_9f86d081884c7d65_…"),
    (re.compile(r"The key [0-9a-f]{16} may"), "The key 9f86d081884c7d65 may"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "2026-11-26 09:30:00Z"),
    (re.compile(r"(?<=09:30:00Z)  \d:\d\d"), "  0:00"),
    (re.compile(r"signed with [\w-]{43}"), "signed with kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
)


def steady(text: str, jobs: dict[str, str]) -> str:
    """Without what is another with each run. Jobs and snapshots are told apart by what they are given here."""
    for pattern, example in STEADY:
        text = pattern.sub(example, text)
    text = re.sub(r"\b[0-9a-f]{32}\b", lambda found: jobs.setdefault(found[0], f"{len(jobs) + 1:02x}" * 16), text)
    return re.sub(r"\b\d{17,19}\b", lambda found: jobs.setdefault(found[0], str(SNAPSHOT + len(jobs))), text)


@contextmanager
def server(folder: Path) -> Iterator[str]:
    url = f"http://127.0.0.1:{free_port()}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("KRAI_", "GOOGLE_", "GCS_"))}
    env = inherited | {"PORT": url.rpartition(":")[2], "KRAI_DATA_DIR": str(folder / "data")}
    with (folder / "krai.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "main.py"], cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_S
        while subprocess.run(
            [sys.executable, "-m", "krai", "datasets"], cwd=ROOT, env=_env(folder, url), capture_output=True, check=False
        ).returncode:
            if time.monotonic() > deadline:
                raise TimeoutError((folder / "krai.log").read_text())
        yield url
    finally:
        process.terminate()
        process.wait()


def _env(folder: Path, url: str) -> dict[str, str]:
    return os.environ | {
        "KRAI_URL": url,
        "KRAI_API_KEY": KEY,
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_STATE_HOME": str(folder / "state"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(WIDTH),
        "TERM": "dumb",
        "NO_COLOR": "1",
    }


def typed(command: str, folder: Path, env: dict[str, str], code_before: int) -> tuple[str, int]:
    """What a terminal shows for the command, and its exit code."""
    shell = f'krai() {{ {sys.executable} -m krai "$@"; }}; (exit {code_before}); {command}'
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
    process = subprocess.Popen(["/bin/bash", "-c", shell], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    while select.select([ours], [], [], COMMAND_S)[0]:
        try:
            data = os.read(ours, 1 << 16)
        except OSError:
            break  # how Linux tells that nobody has the other side any more
        if not data:
            break
        shown += data
    os.close(ours)
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines), process.wait(COMMAND_S)


def session() -> str:
    jobs: dict[str, str] = {}
    told, code = [], 0
    with tempfile.TemporaryDirectory(prefix="krai-session-") as name, server(Path(name)) as url:
        home = Path(name) / "home"
        home.mkdir()
        for file, content in FILES.items():
            (home / file).write_text(content)
        env = _env(Path(name), url)
        for command in SESSION:
            if "JOB" in command:
                listed, _ = typed("krai jobs list --dataset orders --limit 1 --json", home, env, 0)
                command = command.replace("JOB", json.loads(listed)["jobs"][0]["job_id"])  # noqa: PLW2901 - the command as it is typed
            shown, code = typed(command, home, env, code)
            told.append(steady(f"$ {command}\n{shown}", jobs))
    return "\n".join(told)


def with_session(page: str, text: str) -> str:
    """The page with this session between its two markers. Raises ValueError when a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/cli.md needs the markers {BEGIN} and {END}")
    return f"{before}{begin}\n\n```console\n{text}```\n\n{end}{after}"


def main() -> None:
    PAGE.write_text(with_session(PAGE.read_text(), session()))


if __name__ == "__main__":
    main()
