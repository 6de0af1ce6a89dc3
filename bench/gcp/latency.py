"""How long one small export takes at low load, beside the sum of the calls to Google that it is made of, each made alone."""

import asyncio
import http.client
import secrets
import statistics
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.gcp.google_calls import Google, new_job
from bench.gcp.house import House, Site, StorageRequest
from bench.gcp.operations import EXPORT, NO_SWEEP, Cost
from bench.gcp.report import Line
from krai.backends.google import stored

WARM_UP = 10
TURNS = 4
OUTPUT_BYTES = 1000  # ten rows of CSV, and a manifest, are about as long
MOST_AT_ONCE_BYTES = 1 << 16  # Arrow reads a Parquet file's footer by such a piece
BOUNDARY = "krai-bench"
PULL_WAITS_S = 0.02  # as an idle worker's does, when a message comes


@dataclass(frozen=True, slots=True)
class Took:
    """Medians in milliseconds by call, and how many of it an export makes."""

    calls: dict[str, tuple[float, float]]

    @property
    def sum_ms(self) -> float:
        return sum(count * took_ms for count, took_ms in self.calls.values())

    def note(self) -> str:
        calls = ", ".join(f"{count:g} {name} ({took_ms:.1f} ms)" for name, (count, took_ms) in self.calls.items())
        return f"calls of a small export, alone: {calls}; together {self.sum_ms:.0f} ms"


def measure(site: Site, cost: Cost, *, jobs: int) -> tuple[Line, Took]:
    """`cost` is what an export was counted to make. Jobs and bare calls take turns."""
    house = site.house()
    times: list[float] = []
    bare: dict[str, list[float]] = {}
    with house.worker(**NO_SWEEP), house.api() as port:
        _exports_ms(house, port, WARM_UP)
        storage = _requests_of_one(house, port)
        for _ in range(TURNS):
            times += _exports_ms(house, port, jobs // TURNS)
            for name, values in _bare_ms(site.house(), house, storage, jobs // TURNS).items():
                bare.setdefault(name, []).extend(values)
    counts = _counts(cost, storage)
    took = Took({name: (counts[name], statistics.median(values)) for name, values in bare.items()})
    median_ms = statistics.median(times)
    line = Line(
        "small export, POST to COMPLETED",
        f"{median_ms:.0f} ms",
        f"its calls alone: {took.sum_ms:.0f} ms",
        median_ms / took.sum_ms,
        at_most=3,
    )
    return line, took


def _counts(cost: Cost, storage: Sequence[StorageRequest]) -> dict[str, float]:
    """How many of each call an export makes; the client's last look at the job is one read more than was counted."""
    krai, catalog = cost.krai, cost.catalog
    return {
        "read": (krai.reads + catalog.reads) / cost.jobs + 1,
        "create": 1,
        "update": krai.writes / cost.jobs - 1,
        "publish": krai.published / cost.jobs,
        "pull": krai.pulls / cost.jobs,
        "ack": krai.acked / cost.jobs,
        "storage GET": sum(request.method == "GET" for request in storage),
        "storage POST": sum(request.method == "POST" for request in storage),
    }


def _exports_ms(house: House, port: int, jobs: int) -> list[float]:
    """From the POST to the answer that says COMPLETED; the client waits with `Prefer: wait`."""
    client, times = house.client(port), []
    for _ in range(jobs):
        began = time.perf_counter()
        client.finish(client.call("POST", *EXPORT))
        times.append((time.perf_counter() - began) * 1000)
    return times


def _requests_of_one(house: House, port: int) -> list[StorageRequest]:
    before = len(house.storage_requests())
    _exports_ms(house, port, 1)
    return house.storage_requests()[before:]


def _bare_ms(queue: House, files: House, storage: Sequence[StorageRequest], rounds: int) -> dict[str, list[float]]:
    """Milliseconds by call. Messages go to a `queue` of their own, for krai's worker would pull them."""
    times = asyncio.run(_google_ms(queue, rounds))
    with_storage = http.client.HTTPConnection(urlsplit(files.env["STORAGE_EMULATOR_HOST"]).netloc)
    for _ in range(rounds):
        for request in storage:
            began = time.perf_counter()
            _ask_storage(with_storage, request)
            times.setdefault(f"storage {request.method}", []).append((time.perf_counter() - began) * 1000)
    with_storage.close()
    return times


async def _google_ms(house: House, rounds: int) -> dict[str, list[float]]:
    google = Google.of(house.project)
    times: dict[str, list[float]] = {}

    async def timed(name: str, call: Awaitable[Any]) -> Any:
        began = time.perf_counter()
        answer = await call
        times.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        return answer

    for _ in range(rounds):
        job = new_job()
        written = await timed("create", google.create(job))
        pulling = asyncio.create_task(google.pull())
        await asyncio.sleep(PULL_WAITS_S)
        await timed("publish", google.publish(job))
        ack_id = await timed("pull", pulling)
        await timed("read", google.read(stored.JOBS, job.job_id))
        await timed("update", google.update(job, written))
        await timed("ack", google.ack(ack_id))
    return times


def _ask_storage(connection: http.client.HTTPConnection, request: StorageRequest) -> None:
    """The same once more: what was read is read, and what was written is written under another name."""
    if request.method == "GET":
        headers = {"range": f"bytes=0-{MOST_AT_ONCE_BYTES - 1}"} if "alt=media" in request.target else {}
        connection.request("GET", request.target, headers=headers)
    else:
        part = f"--{BOUNDARY}\r\ncontent-type: "
        described = f'{part}application/json\r\n\r\n{{"name": "bench/{secrets.token_hex(8)}"}}\r\n'
        body = f"{described}{part}application/octet-stream\r\n\r\n{'x' * OUTPUT_BYTES}\r\n--{BOUNDARY}--\r\n"
        connection.request(request.method, request.target, body, {"content-type": f"multipart/related; boundary={BOUNDARY}"})
    answer = connection.getresponse()
    answer.read()
    if answer.status >= http.client.BAD_REQUEST:
        message = f"{request.method} {request.target} was answered with {answer.status}"
        raise RuntimeError(message)
