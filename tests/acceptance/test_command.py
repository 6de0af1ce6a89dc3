"""`krai` as somebody uses it: real processes, real jobs, a real terminal."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.command import Command
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_client import DEMO_KEY
from tests.acceptance.krai_process import QUICK, ROOT

pytestmark = EMBEDDED_IN_THE_GATE

ORDERS = b"id,item,price\n1,tea,2.50\n2,coffee,3.00\n3,milk,1.25\n"
BAD = ORDERS + b"4,bread\n"


@pytest.fixture(scope="module")
def krai(new_krai: NewKrai) -> Deployment:
    return new_krai(QUICK).start()


@pytest.fixture
def command(krai: Deployment, tmp_path: Path) -> Command:
    (tmp_path / "orders.csv").write_bytes(ORDERS)
    (tmp_path / "bad.csv").write_bytes(BAD)
    return Command(tmp_path, krai.api.base_url, krai.env.get("API_KEY", DEMO_KEY))


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_file_goes_in_and_comes_out(command: Command, name: str) -> None:
    dataset = f"orders_{name.split('.')[1]}"
    imported = command("import", "orders.csv", dataset)
    assert (imported.code, imported.out) == (0, f"3 rows inserted into {dataset}, 0 updated.\n".encode()), imported.err
    exported = command("export", dataset, "-o", name)
    assert (exported.code, exported.out) == (0, f"{name}\n".encode()), exported.err
    again = command("import", name, f"{dataset}_again", "--json")
    assert again.json["records_inserted"] == 3
    assert command("export", f"{dataset}_again", "-o", "-").out == command("export", dataset, "-o", "-").out


def test_pipes(command: Command) -> None:
    assert command("import", "-", "piped", stdin=ORDERS).code == 0
    out = command("export", "piped", "-o", "-", "--columns", "item", "--order-by", "-price", "--limit", "2")
    assert (out.code, out.out) == (0, b"item\ncoffee\ntea\n")
    assert "2 rows" in out.err
    words = ["bash", "-c", "set -o pipefail; exec 2>&1; $KRAI export users -o - | head -c 1 > /dev/null"]
    env = command.env | {"KRAI": " ".join(Command.words(()))}
    assert subprocess.run(words, env=env, capture_output=True, check=False).stdout == b""


def test_rejected_rows_end_with_5_and_come_back_mended(command: Command) -> None:
    done = command("import", "bad.csv", "mended", "--rejects", "rejects.csv")
    assert done.code == 5
    assert "1 row was rejected; rejects.csv has them" in done.err
    rejects = command.home / "rejects.csv"
    job_id = command("jobs", "list", "--dataset", "mended", "--json").json["jobs"][0]["job_id"]
    (row,) = command("jobs", "errors", job_id, "--json").json["errors"]
    assert (row["row"], row["code"]) == (4, "column_count")
    rejects.write_text(rejects.read_text().replace("4,bread", "4,bread,0.75"))
    assert command("jobs", "retry", job_id, "--rejects", rejects).out == b"1 row inserted into mended, 0 updated.\n"
    assert command("datasets", "show", "mended", "--json").json["rows"] == 4


def test_a_shell_completes_it(command: Command) -> None:
    asked = command.env | {"_KRAI_COMPLETE": "complete_bash", "COMP_WORDS": "krai jobs w", "COMP_CWORD": "2"}
    assert subprocess.run(command.words(()), env=asked, capture_output=True, text=True, check=False).stdout.split() == ["watch"]


def test_a_job_that_fails_ends_with_3(command: Command) -> None:
    (command.home / "broken.parquet").write_bytes(b"PAR1 and no more")
    done = command("import", "broken.parquet", "broken", "--json")
    assert (done.code, done.json["code"]) == (3, "corrupt_file")
    aborted = command("import", "bad.csv", "broken", "--on-error", "abort")
    assert (aborted.code, "shows the rejected rows" in aborted.err) == (3, True)


def test_a_dry_run_tells_and_changes_nothing(command: Command) -> None:
    done = command("import", "bad.csv", "forecast", "--dry-run")
    assert done.code == 5
    assert done.out.splitlines()[0].startswith(b"3\t0\t1\t")
    assert b"price\tfloat64\tyes" in done.out
    assert command("datasets", "show", "forecast").code == 1


def test_upserts_undos_and_drops(command: Command) -> None:
    assert command("import", "orders.csv", "stock").code == 0
    (command.home / "more.csv").write_text("id,item,price\n3,oat milk,2.00\n5,sugar,1.00\n")
    told = command("import", "more.csv", "stock", "--mode", "upsert", "--key", "id")
    assert told.out == b"1 row inserted into stock, 1 updated.\n"
    newest = command("datasets", "history", "stock", "--json").json["snapshots"][0]
    assert (newest["mode"], newest["rows"], newest["records_updated"]) == ("upsert", 4, 1)
    job_id = command("jobs", "list", "--dataset", "stock", "--limit", "1", "--json").json["jobs"][0]["job_id"]
    assert command("jobs", "undo", job_id).out == b"2 rows removed, 1 restored, 0 kept.\n"
    assert command("export", "stock", "-o", "-").out.count(b"\n") == 4
    assert command("datasets", "drop", "stock", "--yes").out == b"stock is gone.\n"


def test_many_files_go_into_a_folder_and_are_verified(command: Command) -> None:
    done = command("export", "users", "-o", "users", "--split-rows", "4000", "--json")
    assert (done.json["records"], len(done.json["paths"])) == (10_000, 5)
    verified = command("verify", "users/manifest.json", "--url", command.env["KRAI_URL"])
    assert (verified.code, b"All 4 are as they should be." in verified.out) == (0, True), verified.out
    (command.home / "users" / done.json["files"][1]["name"]).write_text("x")
    assert command("verify", "users/manifest.json", "--url", command.env["KRAI_URL"]).code == 1


def test_the_python_of_the_page_works_as_written(command: Command) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "cli.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for block in blocks:
        written = block.replace("http://127.0.0.1:8080", command.env["KRAI_URL"]).replace(DEMO_KEY, command.env["KRAI_API_KEY"])
        run = subprocess.run(
            [sys.executable, "-c", written], cwd=command.home, env=command.env, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
    assert (command.home / "orders.ndjson").read_text() == '{"id":1,"item":"tea"}\n{"id":2,"item":"coffee"}\n'
    assert (command.home / "users.two.csv").read_bytes().count(b"\n") == 10_001


def test_an_export_that_was_not_waited_for_is_fetched_later(command: Command) -> None:
    job_id = command("export", "users", "-o", "users.csv", "--no-wait").out.decode().strip()
    assert command("jobs", "watch", job_id).code == 0
    assert command("jobs", "download", job_id, "-o", "users.csv").code == 0
    assert (command.home / "users.csv").read_bytes().count(b"\n") == 10_001


# -- at a terminal --------------------------------------------------------------------------------------------------------------


def test_a_bar_moves_and_goes(command: Command) -> None:
    with command.terminal("export", "users", "-o", "users.csv") as screen:
        screen.until(r"━.*%")
        assert screen.end() == 0
        assert "10,000 rows of users" in screen.text
    with command.terminal("jobs", "list", "--limit", "1") as screen:
        assert screen.end() == 0
        assert screen.text.splitlines()[0].split()[:3] == ["job", "type", "status"]


def test_a_login_at_a_terminal_shows_no_key(command: Command, krai: Deployment) -> None:
    key = krai.env.get("API_KEY", DEMO_KEY)
    with command.terminal("login") as screen:
        screen.until("API key: ")  # the space comes when nothing is echoed any more
        screen.type(f"{key}\n")
        assert screen.end() == 0, screen.text
        assert key not in screen.text
        assert "takes the key" in screen.text


@pytest.fixture(scope="module")
def held(krai: Deployment) -> Iterator[None]:
    """Jobs that come now do not end, unless they are cancelled. For the last tests: it lasts until all have ended."""
    with krai.runner.parsers_held():
        yield
        for job in krai.krai.http.get("/api/v1/jobs").json()["jobs"]:
            if job["finished_at"] is None:
                krai.krai.http.post(f"{job['links']['cancel']}")
    for job in krai.krai.http.get("/api/v1/jobs").json()["jobs"]:
        krai.krai.wait_until_finished(job["job_id"])


@pytest.mark.usefixtures("held")
def test_ctrl_c_asks_and_lets_the_job_go_on(command: Command) -> None:
    with command.terminal("import", "orders.csv", "goes_on") as screen:
        job_id = wait_for_job(command, "goes_on")
        screen.until("waiting|reading|%")
        screen.interrupt()
        screen.until(r"Cancel the job .*\[y/N\]")
        screen.type("n\n")
        assert screen.end() == 130
        assert f"krai jobs watch {job_id} waits on" in screen.text
    assert not command("jobs", "show", job_id, "--json").json["cancel_requested"]


@pytest.mark.usefixtures("held")
def test_an_interrupted_script_is_told_that_the_job_goes_on(command: Command) -> None:
    with command.begin("import", "orders.csv", "script", "--json") as process:
        job_id = wait_for_job(command, "script")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    said = json.loads(out)
    assert (process.returncode, said["code"], said["job_id"]) == (130, "interrupted", job_id)
    assert "goes on" in said["title"]


@pytest.mark.usefixtures("held")
def test_ctrl_c_asks_and_cancels_the_job(command: Command) -> None:
    with command.terminal("import", "orders.csv", "cancelled") as screen:
        job_id = wait_for_job(command, "cancelled")
        screen.interrupt()
        screen.until(r"Cancel the job .*\[y/N\]")
        screen.type("y\n")
        assert screen.end() == 130
        assert "is being cancelled" in screen.text
    job = command("jobs", "show", job_id, "--json").json
    assert job["cancel_requested"] or job["status"] == "CANCELLED"


def wait_for_job(command: Command, dataset: str) -> str:
    """The id of the job into `dataset`, which has not ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for job in command("jobs", "list", "--dataset", dataset, "--json").json["jobs"]:
            if job["status"] in {"PENDING", "PROCESSING"}:
                return str(job["job_id"])
    pytest.fail(f"no job into {dataset} within 30 s")
