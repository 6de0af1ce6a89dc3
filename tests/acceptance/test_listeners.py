"""Five hundred who listen to one API process: what that costs, and that each hears of its own jobs, whichever process changes them."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from bench.gcp.counts import Billed, Counts
from tests.acceptance.deployment import EMBEDDED_IN_THE_GATE, Deployment, NewKrai
from tests.acceptance.krai_process import QUICK, KraiProcess
from tests.acceptance.waiting import until

SOCKETS, JOBS, OF_EACH_JOB = 100, 200, 2
CHANGED = 20
COUNTED_S = 6.0
QUIET = 2
WITHIN_S = 120
LATE_S = 10.0  # 1.2 on a machine that has nothing else to do


class Reads:
    """What the API process asks of its store for jobs, while `counted`."""

    def __init__(self, mode: str, folder: Path) -> None:
        self._gcp = Counts(folder) if mode == "gcp" else None
        self._folder = folder
        if self._gcp is None:
            folder.mkdir()

    @property
    def env(self) -> dict[str, str]:
        if self._gcp is not None:
            return self._gcp.env
        return {"PYTHONPATH": str(Path(__file__).parent / "counting"), "COUNT_TO": str(self._folder)}

    def new(self) -> tuple[int, int]:
        """Reads of the store as they are billed, and looks for what has changed, since the last call."""
        if self._gcp is not None:
            billed = Billed.of(self._gcp.new_lines(), "main")
            return billed.reads, billed.requests["main RunQuery"]
        notes = Counter(line for file in self._folder.iterdir() for line in file.read_text().splitlines())
        for file in self._folder.iterdir():
            file.write_text("")
        return notes.total(), notes["changed"]


@dataclass
class Heard:
    """What one listener was told: the ids of events, statuses by job, and when the last one came."""

    ids: list[int] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    at: float = 0.0
    ended: bool = False

    def note(self, event_id: str, job: dict[str, str]) -> None:
        self.ids.append(int(event_id))
        self.statuses[job["job_id"]] = job["status"]
        self.at = time.monotonic()


@dataclass
class Crowd:
    """Listeners of one API process: of single jobs by their ids, and of all jobs."""

    of_jobs: dict[str, list[Heard]] = field(default_factory=dict)
    of_all: list[Heard] = field(default_factory=list)

    @property
    def opened(self) -> bool:
        return all(heard.ids for listeners in self.of_jobs.values() for heard in listeners)


async def follow(http: httpx.AsyncClient, job_id: str, heard: Heard, **headers: str) -> None:
    async with http.stream("GET", f"/api/v1/jobs/{job_id}/events", headers=headers) as answer:
        assert answer.status_code == httpx.codes.OK
        event_id = data = ""
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                event_id = value
            elif name == "data":
                data = value
            elif not line and event_id:
                heard.note(event_id, json.loads(data))
                event_id = ""
    heard.ended = True


async def follow_all(process: KraiProcess, key: str, heard: Heard, opened: asyncio.Semaphore) -> None:
    async with connect(f"{process.base_url.replace('http', 'ws')}/ws", additional_headers={"x-api-key": key}, proxy=None) as socket:
        opened.release()
        async for text in socket:
            event = json.loads(text)
            heard.note(event["id"], event["data"])


@contextlib.asynccontextmanager
async def client_of(process: KraiProcess, key: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=process.base_url, headers={"x-api-key": key}, limits=limits, timeout=WITHIN_S) as http:
        yield http


@contextlib.asynccontextmanager
async def listening(process: KraiProcess, http: httpx.AsyncClient, jobs: list[str]) -> AsyncIterator[Crowd]:
    key, crowd, opened = http.headers["x-api-key"], Crowd(), asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as tasks:
        crowd.of_all = [Heard() for _ in range(SOCKETS)]
        crowd.of_jobs = {job_id: [Heard() for _ in range(OF_EACH_JOB)] for job_id in jobs}
        running = [tasks.create_task(follow_all(process, key, heard, opened)) for heard in crowd.of_all]
        running += [tasks.create_task(follow(http, job, heard)) for job, listeners in crowd.of_jobs.items() for heard in listeners]
        async with asyncio.timeout(WITHIN_S):
            for _ in range(SOCKETS):
                await opened.acquire()
            await come(lambda: crowd.opened)
        yield crowd
        for task in running:
            task.cancel()


async def come(look: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, "it comes", look, within_s=WITHIN_S)


@dataclass
class House:
    krai: Deployment
    reads: Reads
    other: KraiProcess  # where jobs are changed: in mode gcp another API process


@pytest.fixture(scope="module")
def house(new_krai: NewKrai, mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    krai = new_krai(QUICK)
    reads = Reads(mode, tmp_path_factory.mktemp("reads") / "counts")
    krai.start(**reads.env)
    if mode == "embedded":
        # Its workers are in the process, and must leave the jobs alone.
        with krai.api.parsers_held():
            for _ in range(2):
                krai.krai.wait_until_attempt(krai.krai.submit_export(dataset="users"), 1)
            yield House(krai, reads, krai.api)
            krai.stop()
        return
    krai.runner.stop()  # it has made the samples, and must leave the jobs alone
    other = krai.worker("main.py").start()
    yield House(krai, reads, other)
    other.stop()


async def make_jobs(http: httpx.AsyncClient, count: int) -> list[str]:
    some = asyncio.Semaphore(8)

    async def make() -> str:
        async with some:
            answer = await http.post("/api/v1/exports", json={"dataset": "users"})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["job_id"])

    return await asyncio.gather(*(make() for _ in range(count)))


async def quiet(reads: Reads) -> None:
    """Return when the jobs were made so long ago that nobody asks for them any more."""
    for _ in range(WITHIN_S):
        await asyncio.sleep(1)
        if reads.new()[0] <= QUIET:
            return


async def the_crowd(house: House) -> None:
    key = str(house.krai.krai.http.headers["x-api-key"])
    async with client_of(house.krai.api, key) as http, client_of(house.other, key) as other:
        jobs = await make_jobs(http, JOBS)
        async with listening(house.krai.api, http, jobs) as crowd:
            await quiet(house.reads)
            counted_from = time.monotonic()
            house.reads.new()
            await asyncio.sleep(COUNTED_S)
            read, _ = house.reads.new()
            assert 1 <= read <= time.monotonic() - counted_from + 1, "one a second, for all of them"

            cancelled = {}
            began_at = time.monotonic()
            for job_id in jobs[:CHANGED]:
                answer = await other.post(f"/api/v1/jobs/{job_id}/cancel")
                assert answer.status_code == httpx.codes.ACCEPTED
                cancelled[job_id] = time.monotonic()
            told = [heard for job_id in cancelled for heard in crowd.of_jobs[job_id]]
            await come(lambda: all(heard.ended for heard in told))
            _, looks = house.reads.new()
            assert looks <= time.monotonic() - began_at + 1
            for job_id, listeners in crowd.of_jobs.items():
                status = "CANCELLED" if job_id in cancelled else "PENDING"
                assert {tuple(heard.statuses.items()) for heard in listeners} == {((job_id, status),)}
                assert all(heard.ids == sorted(set(heard.ids)) for heard in listeners)
            assert max(heard.at - cancelled[job_id] for job_id in cancelled for heard in crowd.of_jobs[job_id]) < LATE_S
            for heard in crowd.of_all:
                assert {job_id for job_id, status in heard.statuses.items() if status == "CANCELLED"} == cancelled.keys()


@EMBEDDED_IN_THE_GATE
def test_five_hundred_listeners_cost_one_read_a_second_and_each_hears_of_its_own(house: House) -> None:
    asyncio.run(the_crowd(house))


async def the_same_everywhere(house: House) -> None:
    key = str(house.krai.krai.http.headers["x-api-key"])
    async with client_of(house.krai.api, key) as here, client_of(house.other, key) as there, asyncio.TaskGroup() as tasks:
        (job_id,) = await make_jobs(here, 1)
        heard = [Heard(), Heard()]
        for http, one in zip((here, there), heard, strict=True):
            tasks.create_task(follow(http, job_id, one))
        await come(lambda: all(one.ids for one in heard))
        await here.post(f"/api/v1/jobs/{job_id}/cancel")
        await come(lambda: all(one.ended for one in heard))
        assert heard[0].ids == heard[1].ids
        first, last = heard[0].ids
        again, after = Heard(), Heard()
        await follow(there, job_id, again, **{"Last-Event-ID": str(first)})
        await follow(here, job_id, after, **{"Last-Event-ID": str(last)})
        assert (again.ids, after.ids) == ([last], [])


def test_processes_tell_the_same_events_and_go_on_where_another_one_left_off(house: House) -> None:
    asyncio.run(the_same_everywhere(house))
