"""What the calls send and give, the same by both faces."""

import asyncio
import logging
import time
from inspect import signature

import pytest

from krai.client import AsyncClient, Client, Insecure, Job, JobEnded, Problem, Unreachable, WaitedTooLong
from krai.job import Stage
from scripts.ports import free_port
from tests.faulty_proxy import Fault
from tests.unit.api.house import ADA, KEY
from tests.unit.client.faces import Face


def test_both_faces_have_the_same_calls() -> None:
    ours = [name for name in dir(Client) if not name.startswith("_")]
    assert ours == [name for name in dir(AsyncClient) if not name.startswith("_")]
    for name in ours:
        assert list(signature(getattr(Client, name)).parameters) == list(signature(getattr(AsyncClient, name)).parameters), name


async def test_jobs_are_listed_shown_and_steered(face: Face) -> None:
    job = await face.call("create_export", "users", labels={"team": "sales"}, limit=2)
    assert (job.type, job.status, job.params["limit"], job.finished) == ("export", "PENDING", 2, False)
    assert [found.job_id for found in (await face.call("jobs", type="export", label="team:sales")).jobs] == [job.job_id]
    assert (await face.call("jobs", status="FAILED")).jobs == ()
    assert (await face.call("cancel", job.job_id)).status == "CANCELLED"
    again = await face.call("retry", job.job_id)
    assert again.parent_job_id == job.job_id
    await face.call("delete", job.job_id)
    with pytest.raises(Problem) as gone:
        await face.call("job", job.job_id)
    assert (gone.value.code, gone.value.status) == ("not_found", 404)


async def test_what_is_no_id_of_a_job_is_not_asked_for(face: Face) -> None:
    with pytest.raises(Problem, match="no such job"):
        await face.call("job", "../users")
    assert face.line.requests == []


async def test_datasets_keys_and_users(face: Face) -> None:
    assert [(dataset.name, dataset.rows) for dataset in await face.call("datasets")] == [("users", 3)]
    assert [column.name for column in (await face.call("dataset", "users")).columns] == ["id", "email"]
    assert await face.call("snapshots", "users") == ()
    assert (await face.call("me")).admin
    made = await face.call("create_key", "nightly", scopes=["read"])
    assert made.key.startswith(f"krai_{made.key_id}_")
    assert made.key not in repr(made)
    turned = await face.call("rotate_key", made.key_id)
    assert turned.key != made.key
    assert made.key_id in {key.key_id for key in await face.call("keys")}
    await face.call("revoke_key", made.key_id)
    assert made.key_id not in {key.key_id for key in await face.call("keys")}
    assert (await face.call("put_user", "ada@example.org", role="admin", groups=["sales"])).groups == ("sales",)
    assert [(user.email, user.role) for user in await face.call("users")] == [("ada@example.org", "admin")]
    await face.call("remove_user", "ada@example.org")
    assert await face.call("users") == ()
    assert (await face.call("drop_dataset", "users")).type == "drop"


async def test_all_is_well_with_krai(face: Face) -> None:
    assert (await face.call("card")).mode == "embedded"
    assert (await face.call("readiness")).status == "ok"
    assert abs(await face.call("clock_ahead_s")) < 3
    await face.call("try_storage")


async def test_a_problem_says_what_krai_says(face: Face) -> None:
    with pytest.raises(Problem) as refused:
        await face.call("create_export", "users", limit=0, filter=7)
    problem = refused.value
    assert (problem.status, problem.code, len(problem.request_id)) == (422, "invalid_field", 32)
    assert {error["pointer"] for error in problem.errors} == {"/limit", "/filter"}
    assert "/limit: " in str(problem)
    with pytest.raises(Problem) as refused:
        await face.call("users", key=ADA)
    assert (refused.value.status, refused.value.code) == (403, "not_allowed")


# -- what is tried again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(status=502), Fault(status=429), Fault(answered=0), Fault(sent=10)])
async def test_a_job_is_made_once_however_often_it_is_asked_for(face: Face, fault: Fault) -> None:
    face.line.fail(fault, only="^POST")
    await face.call("create_export", "users")
    assert len(face.asked("POST /api/v1/exports")) == 2
    assert len((await face.call("jobs")).jobs) == 1


async def test_what_cannot_be_repeated_is_not_sent_twice(face: Face) -> None:
    face.line.fail(Fault(answered=0), only="^POST /token")
    with pytest.raises(Unreachable):
        await face.call("create_key", "once")
    assert [key.name for key in await face.call("keys")].count("once") == 1


async def test_patience_ends(face: Face) -> None:
    face.line.fail(*[Fault(status=503)] * 100)
    began = time.monotonic()
    with pytest.raises(Problem) as refused:
        await face.call("datasets", patience_s=0.3)
    assert refused.value.code == "http_503"
    assert time.monotonic() - began < 5


def test_nobody_answers() -> None:
    port = free_port()
    with Client(f"http://127.0.0.1:{port}", KEY, patience_s=0.1) as client, pytest.raises(Unreachable) as nobody:
        client.datasets()
    assert str(nobody.value) == f"Nobody answers at http://127.0.0.1:{port}: Connection refused."


async def test_an_answer_without_what_it_should_have_is_said_to_be_none(face: Face) -> None:
    face.line.fail(Fault(status=200), only="/jobs")
    with pytest.raises(ValueError, match="not as krai gives it"):
        await face.call("jobs")


async def test_an_answer_that_is_not_of_krai_is_said_to_be_none(face: Face) -> None:
    face.line.fail(Fault(status=200), Fault(status=404))
    for _ in range(2):
        with pytest.raises(Problem, match="krai"):
            await face.call("card")


# -- what is waited for -------------------------------------------------------------------------------------------------------


async def test_every_state_is_seen_until_the_last(face: Face) -> None:
    job_id = await face.house.submit()
    seen: list[Job] = []
    watching = asyncio.create_task(face.watch(job_id, seen.append))
    await until_seen(seen, "PENDING", 0)
    await face.house.claim(job_id)
    await until_seen(seen, "PROCESSING", 0)
    await face.house.advance(job_id, stage=Stage.WRITING, percent=50)
    await until_seen(seen, "PROCESSING", 50)
    await face.house.end(job_id, {})
    await watching
    assert list(dict.fromkeys((job.status, job.progress) for job in seen)) == [
        ("PENDING", 0),
        ("PROCESSING", 0),
        ("PROCESSING", 50),
        ("COMPLETED", 100),
    ]


async def test_who_was_cut_off_comes_back_for_what_is_new(face: Face) -> None:
    job_id = await face.house.submit()
    seen: list[Job] = []
    watching = asyncio.create_task(face.watch(job_id, seen.append))
    await until_seen(seen, "PENDING", 0)
    await face.house.claim(job_id)
    await until_seen(seen, "PROCESSING", 0)  # so the stream has begun
    face.line.cut()
    await until_asked(face, f"GET /api/v1/jobs/{job_id}/events", 2)
    await face.house.end(job_id, {})
    await watching
    assert seen[-1].status == "COMPLETED"
    assert "last-event-id: " in face.line.heads[-1]


async def test_where_events_do_not_come_through_the_job_is_asked_for(face: Face) -> None:
    job_id = await face.house.submit()
    face.line.fail(Fault(status=200), only="/events$")
    waiting = asyncio.create_task(face.call("wait", job_id))
    await until_asked(face, "GET /api/v1/jobs/", 3)
    await face.house.complete(job_id, {})
    assert (await waiting).status == "COMPLETED"
    assert "prefer: wait=20" in face.line.heads[-1]


async def test_a_job_that_failed_and_one_that_takes_too_long(face: Face) -> None:
    failed, slow = await face.house.submit(), await face.house.submit()
    await face.house.fail(failed)
    with pytest.raises(JobEnded, match="The file is damaged") as ended:
        await face.call("wait", failed)
    assert ended.value.job.error is not None
    assert ended.value.job.error.code == "corrupt_file"
    with pytest.raises(WaitedTooLong, match="within 1 s") as late:
        await face.call("wait", slow, timeout_s=1)
    assert late.value.job.job_id == slow


async def until_seen(seen: list[Job], status: str, progress: int) -> None:
    async with asyncio.timeout(10):
        while not seen or (seen[-1].status, seen[-1].progress) != (status, progress):  # noqa: ASYNC110 - a list has no event for it
            await asyncio.sleep(0.01)


async def until_asked(face: Face, words: str, times: int) -> None:
    async with asyncio.timeout(10):
        while len(face.asked(words)) < times:  # noqa: ASYNC110 - the line has no event for it
            await asyncio.sleep(0.01)


# -- what nobody else gets to see ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://krai.example.org", "http://10.0.0.7:8080", "http://localhost.example.org"])
def test_a_key_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(Insecure, match="https"):
        Client(url, KEY)


@pytest.mark.parametrize("url", ["https://krai.example.org", "http://127.0.0.1:8080/", "http://[::1]:8080", "http://localhost"])
def test_a_key_goes_over_https_and_within_this_machine(url: str) -> None:
    client = Client(url, KEY)
    assert url.rstrip("/") in repr(client)
    assert KEY not in repr(client) + repr(vars(client)) + repr(vars(client)["_connection"])


@pytest.mark.parametrize(
    "url", ["krai.example.org", "ftp://krai", "https://", "https://ada:secret@krai", "https://krai?key=1", "https://krai#x"]
)
def test_what_is_no_address_of_krai_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url, None)


@pytest.mark.parametrize("key", ["two words", "caf\u00e9", "line\nfeed"])
def test_what_is_no_key_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="one word") as refused:
        Client("https://krai", key)
    assert key not in str(refused.value)


async def test_neither_keys_nor_links_stand_in_the_log(face: Face, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await face.call("try_storage")
    logged = "".join(record.getMessage() for record in caplog.records if record.name.startswith("http"))
    assert "/uploads/" in logged
    assert "signature=" in face.asked("PUT /uploads/")[0]
    assert "signature=" not in logged
    assert KEY not in logged
