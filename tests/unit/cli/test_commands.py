"""What the commands say, to people and to programs, and the code that each ends with."""

import asyncio
import re
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

import krai
from krai import keys, transitions, workers
from krai.access import Scope
from krai.client.service import Card
from krai.errors import Terminal as Ending
from krai.job import Stage
from scripts.ports import free_port
from tests.unit.api.house import ADA, KEY, put_key
from tests.unit.cli.terminal import Terminal

NOBODY = "http://127.0.0.1:1"


async def test_jobs_for_people_and_for_programs(terminal: Terminal) -> None:
    job_id = await terminal.house.submit(labels={"team": "sales"})
    jobs = terminal.house.stores.jobs
    await jobs.swap(claimed := await terminal.house.claim(job_id), transitions.hand_back(claimed, jobs.now()))
    await terminal.house.claim(job_id)
    assert "Z, under way, on worker-of-a-test\n" in (await terminal.krai("jobs", "show", job_id)).out
    running = await terminal.house.advance(job_id, stage=Stage.READING)
    await jobs.swap(running, transitions.fail(running, Ending("corrupt_file"), jobs.now(), keep_s=60))
    listed = await terminal.krai("jobs", "list", "--status", "failed", "--label", "team=sales")
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.split("\t")[:4] == [job_id, "export", "FAILED", "users"]
    assert [job["job_id"] for job in (await terminal.krai("jobs", "list", "--json")).json["jobs"]] == [job_id]
    shown = await terminal.krai("jobs", "show", job_id)
    assert "error\tcorrupt_file: The file is damaged" in shown.out
    first, second = [line for line in shown.out.splitlines() if line.startswith("attempt 1\t")]
    assert re.search(r"Z, handed back after 0:0\d, on worker-of-a-test$", first)
    assert re.search(r"Z, failed after 0:0\d while reading, on worker-of-a-test: corrupt_file$", second)
    assert (await terminal.krai("jobs", "show", job_id, "--json")).json["error"]["code"] == "corrupt_file"


async def test_jobs_are_steered(terminal: Terminal) -> None:
    job_id = await terminal.house.submit()
    assert (await terminal.krai("jobs", "cancel", job_id)).out == "The job is cancelled.\n"
    again = (await terminal.krai("jobs", "retry", job_id, "--no-wait")).out.strip()
    assert (await terminal.krai("jobs", "show", again, "--json")).json["parent_job_id"] == job_id
    asked = await terminal.krai("jobs", "delete", job_id)
    assert (asked.code, "nobody to ask" in asked.err) == (2, True)
    assert (await terminal.krai("jobs", "delete", job_id, "--yes", "--json")).json == {"deleted": job_id}
    assert (await terminal.krai("jobs", "show", job_id)).code == 1


async def test_datasets_users_and_keys(terminal: Terminal) -> None:
    listed = await terminal.krai("datasets")
    assert listed.out.split("\t")[:3] == ["users", "3", "2"]
    assert (await terminal.krai("datasets", "list", "--json")).json["datasets"][0]["name"] == "users"
    assert (await terminal.krai("datasets", "show", "users")).out == "id\tint64\tno\nemail\tstring\tyes\n"
    assert (await terminal.krai("datasets", "drop", "users", "--yes", "--no-wait", "--json")).json["type"] == "drop"
    assert (await terminal.krai("users", "add", "ada@example.org", "--role", "admin", "--group", "sales")).code == 0
    assert (await terminal.krai("users", "list")).out.split("\t")[:3] == ["ada@example.org", "admin", "sales"]
    assert (await terminal.krai("users", "remove", "ada@example.org")).code == 0
    made = await terminal.krai("keys", "create", "nightly", "--scope", "read,export", "--expires-in-days", "0")
    text = made.out.strip()
    assert text.startswith("krai_")
    assert "not shown again" in made.err
    key_id = text.split("_")[1]
    (listed_key,) = [key for key in (await terminal.krai("keys", "list", "--json")).json["keys"] if key["key_id"] == key_id]
    assert (listed_key["scopes"], listed_key["expires_at"]) == (["export", "read"], None)
    assert (await terminal.krai("keys", "rotate", key_id)).out.strip() != text
    assert (await terminal.krai("keys", "revoke", key_id)).code == 0


async def test_rejected_rows_are_shown(terminal: Terminal) -> None:
    job_id = await terminal.house.submit()
    assert (await terminal.krai("jobs", "errors", job_id)).code == 1
    await terminal.house.complete(job_id, {})
    assert (await terminal.krai("jobs", "errors", job_id, "--json")).json == {"errors": [], "total": 0}


# -- exit codes ---------------------------------------------------------------------------------------------------------------


async def test_an_error_ends_with_1_and_says_what_to_do(terminal: Terminal) -> None:
    said = await terminal.krai("export", "nope", "-o", "x.csv")
    assert (said.code, said.out) == (1, "")
    assert said.err == "krai: There is no such dataset.\nGET /api/v1/datasets lists the datasets; an import creates one.\n"
    problem = (await terminal.krai("export", "nope", "-o", "x.csv", "--json")).json
    assert (problem["code"], problem["status"], problem["type"]) == ("dataset_not_found", 404, "/problems/dataset_not_found")


async def test_fields_that_are_wrong_are_named(terminal: Terminal) -> None:
    said = await terminal.krai("export", "users", "-o", "x.csv", "--filter", "nope = 1", "--order-by", "nope")
    assert said.code == 1
    assert "  /" in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nope"],
        ["export"],
        ["export", "users"],
        ["export", "users", "-o", "users.doc"],
        ["export", "users", "-o", "-", "--split-rows", "5"],
        ["export", "users", "-o", "-", "--no-wait"],
        ["export", "users", "-o", "-", "--json"],
        ["export", "users", "-o", "x.csv", "--format", "doc"],
        ["export", "users", "-o", "x.csv", "--limit", "0"],
        ["import", "none.csv", "users"],
        ["import", "-", "users", "--column", "a"],
        ["jobs", "list", "--limit", "many"],
        ["jobs", "show"],
        ["users", "add"],
        ["login", "--url", "http://krai.example.org"],
    ],
)
async def test_a_call_that_is_not_right_ends_with_2(terminal: Terminal, arguments: list[str]) -> None:
    said = await terminal.krai(*arguments, stdin=b"a-key")
    assert said.code == 2
    assert "Traceback" not in said.err
    if "--json" in arguments:
        return
    assert "krai: " in said.err or said.err.startswith("Usage: krai ")
    if arguments:
        assert set((await terminal.krai(*arguments, "--json", stdin=b"a-key")).json) >= {"code", "title", "detail"}


async def test_a_job_that_failed_ends_with_3(terminal: Terminal) -> None:
    job_id = await terminal.house.submit()
    await terminal.house.fail(job_id)
    said = await terminal.krai("jobs", "watch", job_id)
    assert said.code == 3
    assert f"krai jobs retry {job_id}" in said.err
    problem = (await terminal.krai("jobs", "watch", job_id, "--json")).json
    assert (problem["code"], problem["job_id"]) == ("corrupt_file", job_id)
    cancelled = await terminal.house.submit()
    await terminal.krai("jobs", "cancel", cancelled)
    assert (await terminal.krai("jobs", "watch", cancelled, "--json")).json["code"] == "job_cancelled"


async def test_a_credential_that_is_missing_bad_or_not_enough_ends_with_4(terminal: Terminal) -> None:
    terminal.environment.setenv("KRAI_API_KEY", ADA)
    assert (await terminal.krai("users", "list")).code == 4
    terminal.environment.setenv("KRAI_API_KEY", "wrong")
    bad = await terminal.krai("users", "list")
    assert (bad.code, "krai login" in bad.err) == (4, True)
    terminal.environment.delenv("KRAI_API_KEY")
    missing = await terminal.krai("users", "list", "--json")
    assert (missing.code, missing.json["code"]) == (4, "no_credential")
    assert (await terminal.krai("login", stdin=b"wrong")).code == 4
    assert (await terminal.krai("login", stdin=b"")).code == 4


async def test_waiting_too_long_ends_with_6(terminal: Terminal) -> None:
    job_id = await terminal.house.submit()
    said = await terminal.krai("jobs", "watch", job_id, "--timeout", "0.1")
    assert (said.code, f"krai jobs watch {job_id}" in said.err) == (6, True)


async def test_nobody_answers(terminal: Terminal) -> None:
    terminal.environment.setattr("krai.cli.config.BRIEF_S", 0.1)
    said = await terminal.krai("jobs", "list", "--url", f"http://127.0.0.1:{free_port()}", "--json")
    assert (said.code, said.json["code"]) == (1, "unreachable")


# -- which krai ---------------------------------------------------------------------------------------------------------------


async def test_a_login_is_kept_for_its_owner_alone(terminal: Terminal, tmp_path: Path) -> None:
    terminal.environment.delenv("KRAI_API_KEY")
    terminal.environment.delenv("KRAI_URL")
    assert (await terminal.krai("datasets", "--json")).json["code"] == "no_address"
    said = await terminal.krai("login", "--url", terminal.url, stdin=f"{KEY}\n".encode())
    assert said.code == 0, said.err
    assert KEY not in said.out + said.err
    config = tmp_path / "config" / "krai" / "config.json"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert (await terminal.krai("datasets")).code == 0
    assert (await terminal.krai("logout", "--json")).json == {"url": terminal.url}
    assert KEY not in await asyncio.to_thread(config.read_text)
    assert (await terminal.krai("datasets")).code == 4
    assert (await terminal.krai("logout")).out == "There was no key.\n"


async def test_a_flag_goes_before_the_environment_before_the_file(terminal: Terminal) -> None:
    reader = keys.compose("0" * 15 + "c", "s" * keys.SECRET_LETTERS)
    await put_key(terminal.house.stores, reader, frozenset({Scope.READ}))
    await terminal.krai("login", stdin=reader.encode())
    assert "api-key may everything" in (await terminal.krai("doctor")).out
    assert "may read" in (await terminal.krai("doctor", "--api-key", reader)).out
    terminal.environment.delenv("KRAI_API_KEY")
    assert "may read" in (await terminal.krai("doctor")).out
    terminal.environment.setenv("KRAI_URL", NOBODY)
    assert "may read" in (await terminal.krai("doctor", "--url", terminal.url)).out


async def test_the_key_of_one_krai_is_not_sent_to_another(terminal: Terminal) -> None:
    await terminal.krai("login", stdin=KEY.encode())
    terminal.environment.delenv("KRAI_API_KEY")
    there = terminal.url.replace("127.0.0.1", "localhost")
    assert (await terminal.krai("datasets")).code == 0
    said = await terminal.krai("datasets", "--url", there, "--json")
    assert (said.code, said.json["code"]) == (4, "no_credential")


async def test_options_have_variables(terminal: Terminal) -> None:
    for _ in range(2):
        await terminal.house.submit()
    terminal.environment.setenv("KRAI_CLI_JOBS_LIST_LIMIT", "1")
    assert len((await terminal.krai("jobs", "list")).out.splitlines()) == 1
    terminal.environment.setenv("KRAI_JSON", "1")
    assert len((await terminal.krai("jobs", "list")).json["jobs"]) == 1


async def test_a_configuration_that_cannot_be_read_says_so(terminal: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "config" / "krai"
    config.mkdir(parents=True)
    (config / "config.json").write_text("no json")
    said = await terminal.krai("datasets")
    assert (said.code, "krai login" in said.err) == (2, True)


# -- doctor -------------------------------------------------------------------------------------------------------------------


async def at_work(terminal: Terminal, *, name: str = "worker", version: str = krai.__version__, ago: timedelta = timedelta()) -> None:
    """A worker says that it is there, or did so a while ago."""
    stores = terminal.house.stores
    await workers.say(stores.directory, name, slots=2, running=0, now=stores.jobs.now() - ago)
    doc = await stores.directory.get(workers.COLLECTION, name)
    await stores.directory.put(workers.COLLECTION, name, {**(doc or {}), "version": version})


async def test_the_doctor_finds_nothing(terminal: Terminal) -> None:
    await at_work(terminal)
    said = await terminal.krai("doctor")
    assert (said.code, said.err) == (0, "")
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["ok", what] for what in ("address", "krai", "clock", "stores", "credential", "queue", "workers", "storage")
    ]


async def test_the_doctor_says_what_is_wrong_and_what_to_do(terminal: Terminal) -> None:
    terminal.environment.setenv("KRAI_API_KEY", "wrong")
    said = await terminal.krai("doctor")
    assert said.code == 1
    assert "WRONG  credential  The API key is not valid." in said.out
    assert "krai login takes another key" in said.out
    nobody = (await terminal.krai("doctor", "--url", NOBODY, "--json")).json
    assert [(check["what"], check["ok"]) for check in nobody["checks"]] == [("address", True), ("krai", False)]
    assert nobody["checks"][-1]["do"]


async def test_the_doctor_looks_for_workers_and_at_their_queue(terminal: Terminal) -> None:
    await terminal.house.submit()
    await at_work(terminal, ago=timedelta(hours=1))
    said = await terminal.krai("doctor")
    assert said.code == 1
    assert "ok     queue       waiting 1, running 0" in said.out
    assert "WRONG  workers     none was seen in the last minutes; 1 ended without a word today" in said.out
    assert "docs/runbooks/no-workers.md" in said.out
    await at_work(terminal, name="old", version="0.0.1")
    said = await terminal.krai("doctor")
    assert "ok     workers     1 at work; 1 ended" in said.out
    assert f"WRONG  versions    the API is {krai.__version__}, workers are 0.0.1" in said.out


async def test_the_doctor_sees_a_job_that_waits_for_long(terminal: Terminal) -> None:
    jobs = terminal.house.stores.jobs
    await at_work(terminal)
    job = await terminal.house.job(await terminal.house.submit())
    await jobs.swap(job, replace(job, updated_at=jobs.now() - timedelta(minutes=20)))
    said = await terminal.krai("doctor")
    assert "WRONG  queue       waiting 1, running 0; one has waited for 20 minutes" in said.out


async def test_only_admins_are_told_of_workers(terminal: Terminal) -> None:
    said = await terminal.krai("doctor", "--api-key", ADA)
    assert (said.code, "workers" in said.out) == (0, False)


async def test_the_doctor_sees_a_krai_that_is_stopping(terminal: Terminal) -> None:
    terminal.environment.setattr("krai.api.card._check", _fails)
    said = await terminal.krai("doctor")
    assert "WRONG  stores      jobs, queue, blobs, directory do not answer krai" in said.out
    assert "Is KRAI_DATA_DIR there" in said.out
    terminal.environment.setattr("krai.cli.doctor.Client.card", lambda _: Card(service="krai", version="1", mode="gcp"))
    said = await terminal.krai("doctor")
    assert "may krai's service account use it: Firestore (KRAI_FIRESTORE_DATABASE), Pub/Sub (PUBSUB_TOPIC, PUBSUB_SUBSCRIPTION)" in said.out


async def _fails(_: str, check: object) -> str:
    if asyncio.iscoroutine(check):
        check.close()
    return "failed"
