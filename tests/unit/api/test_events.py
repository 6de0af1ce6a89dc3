import asyncio
from contextlib import aclosing

import httpx
import pytest
from starlette.requests import HTTPConnection, Request

from krai import transitions
from krai.access import Principal, Scope
from krai.api import lasting, watch
from krai.api.auth import authenticate
from krai.errors import Terminal
from krai.job import Stage
from krai.users import TRUSTED_S
from tests.unit.api.house import ADA, BOB, House, problem, put_key
from tests.unit.api.served import Event, listening, read, serve


async def follow(house: House, job_id: str, **headers: str) -> list[Event]:
    answer = await house.http.get(f"/api/v1/jobs/{job_id}/events", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    blocks = [read(block.splitlines()) for block in answer.text.split("\n\n")]
    return [event for event in blocks if event]


async def test_events_tell_every_state_until_the_last(house: House) -> None:
    job_id = await house.submit()
    async with serve(house) as (_, port, _), listening(port, job_id) as told:
        events = [await anext(told)]
        await house.claim(job_id)
        events.append(await anext(told))
        await house.advance(job_id, stage=Stage.WRITING, percent=50)
        events.append(await anext(told))
        job = await house.job(job_id)
        await house.stores.jobs.swap(job, transitions.fail(job, Terminal("corrupt_file"), house.stores.jobs.now(), keep_s=60))
        events += [event async for event in told]
    assert [event.job["status"] for event in events] == ["PENDING", "PROCESSING", "PROCESSING", "FAILED"]
    assert [event.job["progress"] for event in events] == [0, 0, 50, 50]
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert {event.name for event in events} == {"job"}
    assert events[-1].job["error"] == (await house.http.get(f"/api/v1/jobs/{job_id}")).json()["error"]


async def test_a_finished_job_is_told_once(house: House) -> None:
    job_id = await house.submit()
    await house.fail(job_id)
    (event,) = await follow(house, job_id)
    assert event.job["status"] == "FAILED"
    assert await follow(house, job_id, **{"Last-Event-ID": str(event.id)}) == []
    assert len(await follow(house, job_id, **{"Last-Event-ID": str(event.id - 1)})) == 1


@pytest.mark.parametrize("last", ["", "x", "-1", "1.5", "9" * 5000])
async def test_an_event_id_that_makes_no_sense_is_ignored(house: House, last: str) -> None:
    job_id = await house.submit()
    await house.fail(job_id)
    assert len(await follow(house, job_id, **{"Last-Event-ID": last})) == 1


async def test_an_event_that_is_yet_to_come_was_not_seen(house: House) -> None:
    job_id = await house.submit()
    seen = (await house.job(job_id)).revision + 1000
    await house.fail(job_id)
    assert [event.job["status"] for event in await follow(house, job_id, **{"Last-Event-ID": str(seen)})] == ["FAILED"]


async def test_what_changes_before_anybody_listens_is_told(house: House) -> None:
    job = await house.job(await house.submit())
    claimed = await house.claim(job.job_id)
    async with aclosing(watch.states(house.app.state.api, job, job.revision)) as states:
        assert await anext(states) == claimed


async def test_whoever_comes_back_hears_only_what_is_new(house: House) -> None:
    job_id = await house.submit()
    seen = (await house.job(job_id)).revision
    following = asyncio.create_task(follow(house, job_id, **{"Last-Event-ID": str(seen)}))
    await asyncio.sleep(0.05)
    await house.post(f"jobs/{job_id}/cancel")
    assert [event.job["status"] for event in await asyncio.wait_for(following, 5)] == ["CANCELLED"]


async def test_a_job_that_is_deleted_as_soon_as_it_has_ended_ends_its_events(house: House) -> None:
    job = await house.job(await house.submit())
    async with aclosing(watch.states(house.app.state.api, job, None)) as states:
        assert await anext(states) == job
        await house.fail(job.job_id)
        assert (await house.http.delete(f"/api/v1/jobs/{job.job_id}")).status_code == httpx.codes.NO_CONTENT
        assert await asyncio.wait_for(anext(states, None), 5) is None


async def test_silence_is_broken_by_signs_of_life(house: House) -> None:
    job = await house.job(await house.submit())
    async with aclosing(watch.states(house.app.state.api, job, None, heartbeat_s=0.05)) as states:
        assert [await anext(states) for _ in range(3)] == [job, None, None]
    assert watch.HEARTBEAT_S < 15


async def test_events_of_no_job_are_a_problem_and_no_stream(house: House) -> None:
    assert problem(await house.http.get(f"/api/v1/jobs/{'0' * 32}/events"), 404) == "not_found"
    assert problem(await house.client(None).get(f"/api/v1/jobs/{'0' * 32}/events"), 401) == "unauthenticated"
    head = await house.http.head(f"/api/v1/jobs/{await house.submit()}/events")
    assert (head.status_code, head.headers["allow"]) == (405, "GET"), "a HEAD would never end"


def connection(house: House, key: str) -> Request:
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [(b"x-api-key", key.encode())],
            "app": house.app,
            "scheme": "http",
            "server": None,
        }
    )


# -- who listens ----------------------------------------------------------------------------------------------------------------


async def test_who_is_not_let_in_any_more_hears_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "ASKED_EVERY_S", 0.0)
    made = (await house.http.post("/token", json={"name": "listens", "scopes": ["read", "export"]})).json()
    script = house.client(made["key"])
    job_id = (await script.post("/api/v1/exports", json={"dataset": "users"})).json()["job_id"]
    async with serve(house) as (_, port, _), listening(port, job_id, made["key"]) as told:
        assert (await anext(told)).job["status"] == "PENDING"
        await house.http.delete("/token", params={"key_id": made["key_id"]})
        await house.claim(job_id)
        assert await anext(told, None) is None, "the change came after the key was revoked"


def test_a_removed_user_hears_nothing_after_a_minute() -> None:
    assert lasting.ASKED_EVERY_S + TRUSTED_S <= 60


async def test_a_credential_is_asked_for_once_however_many_listen_by_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Principal] = []

    async def count(connection: HTTPConnection) -> Principal:
        asked.append(await authenticate(connection))
        return asked[-1]

    monkeypatch.setattr(lasting, "authenticate", count)
    callers = lasting.Callers()
    connections = [connection(house, key) for key in (ADA, BOB) for _ in range(50)]
    listening = [lasting.Lasting(callers, one, await authenticate(one)) for one in connections]
    assert all([await one.still() for one in listening])
    assert asked == [], "they came a moment ago"
    callers._asked = {name: (at - 31, who) for name, (at, who) in callers._asked.items()}  # noqa: SLF001 - half a minute later
    assert all(await asyncio.gather(*(one.still() for one in listening)))
    assert sorted(principal.id for principal in asked) == ["key:0000000000000ada", "key:0000000000000b0b"]


async def test_a_key_that_may_do_less_is_another(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    request = connection(house, ADA)
    caller = await authenticate(request)
    listens = lasting.Lasting(lasting.Callers(), request, caller)
    assert await listens.still()
    await put_key(house.stores, ADA, scopes=frozenset({Scope.EXPORT}))
    assert await listens.still(), "it was asked a moment ago"
    monkeypatch.setattr(lasting, "ASKED_EVERY_S", 0.0)
    assert not await listens.still()
    await put_key(house.stores, ADA)
    assert await listens.still()
