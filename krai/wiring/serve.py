"""Starts the processes: the API with a worker in embedded mode, and the worker alone."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from krai import failpoint, observe
from krai.api.app import create_app
from krai.claim import Terms
from krai.execute import Execution
from krai.job import new_id
from krai.ports import Dataset, Stores
from krai.settings import DEMO_KEY, Settings, UnsafeSettings, read
from krai.sweep import Retention
from krai.wiring.stores import open_stores, spool_dir
from krai.worker.loop import Worker
from krai.worker.pool import ChildPool, ChildTerms

DAY_S = 24 * 3600


def main(process: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a process to its end; what forbids a start is said in one line each, with exit code 1."""
    try:
        settings = read()
        observe.configure(settings.log_format)
        asyncio.run(process(settings))
    except UnsafeSettings as error:
        sys.exit(f"krai does not start:\n{error}")


async def api(settings: Settings) -> None:
    """`python main.py`: the API and, in embedded mode, a worker beside it."""
    with _listen(settings) as listening:
        async with open_stores(settings) as stores, _worker(settings, stores) as (worker, pool, stop):
            await _seed(stores, pool)
            server = _Server(uvicorn.Config(create_app(settings, stores, stopping=stop), **_server_options()))
            work = asyncio.create_task(worker.run(stop))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            _welcome(settings, listening)
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({work, serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            server.should_exit = True
            await asyncio.gather(work, serving)


async def worker(settings: Settings) -> None:
    """`python worker.py`: a worker alone, on the same stores as the API."""
    async with open_stores(settings) as stores, _worker(settings, stores) as (work, _, stop):
        observe.log().info("worker ready", slots=settings.slots)
        await work.run(stop)


@asynccontextmanager
async def _worker(settings: Settings, stores: Stores) -> AsyncIterator[tuple[Worker, ChildPool, asyncio.Event]]:
    failpoint.arm(settings.fail)
    terms = ChildTerms(
        build="krai.wiring.tools:build",
        build_args=(settings,),
        spool=spool_dir(settings),
        memory_bytes=settings.child_memory_mb << 20,
        job_timeout_s=settings.job_timeout_s,
        fail=settings.fail,
    )
    pool = ChildPool(terms, settings.slots)
    keep_files_s = settings.result_ttl_hours * 3600
    execution = Execution(
        stores,
        pool,
        Terms(lease_s=settings.lease_s, heartbeat_s=settings.heartbeat_s, backoff_s=settings.backoff_s, keep_files_s=keep_files_s),
        owner=f"{socket.gethostname()}-{os.getpid()}-{new_id()[:8]}",
    )
    work = Worker(
        queue=stores.queue,
        execution=execution,
        retention=Retention(files_s=keep_files_s, jobs_s=settings.job_ttl_days * DAY_S),
        slots=settings.slots,
        message_lease_s=settings.lease_s,
        sweep_s=settings.sweep_s,
        grace_s=settings.grace_s,
    )
    stop = asyncio.Event()
    # Before the children start, so that a signal during the start ends it in good order too.
    _stop_on_signals(stop, work.hurry)
    try:
        await pool.open()
        yield work, pool, stop
    finally:
        await pool.close()


async def _seed(stores: Stores, pool: ChildPool) -> None:
    """Make the sample datasets and sources when they are not there yet."""
    if await stores.directory.get("sources", "salesforce") is not None:
        return
    for doc in (await pool.call({"do": "seed"}, "seed"))["datasets"]:
        await stores.jobs.put_dataset(Dataset.from_doc(doc))
    for name in ("default", "salesforce"):
        await stores.directory.put("sources", name, {"path": "sources/contacts.csv", "format": "csv"})


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because the event loop switches Nagle's algorithm off only where it is: unnamed, every answer takes
    # 40 ms longer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise UnsafeSettings(f"PORT: {settings.host}:{settings.port} cannot be used ({error.strerror}); set another PORT") from None
    return listening


def _server_options() -> dict[str, Any]:
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 5,
        "h11_max_incomplete_event_size": 32 * 1024,
    }


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: krai's own also stop the worker, and end the process with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _stop_on_signals(stop: asyncio.Event, hurry: asyncio.Event) -> None:
    """The first signal stops; a second one does not wait for running jobs."""

    def asked() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)


def _welcome(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    observe.log().info("krai ready", url=f"http://{host}:{port}", mode=settings.mode.value, data_dir=str(settings.data_dir))
    if sys.stdout.isatty():
        key = DEMO_KEY if settings.api_key == DEMO_KEY else "$API_KEY"
        print(f"krai is ready. Try: curl -H 'x-api-key: {key}' http://{host}:{port}/api/v1/datasets   or open http://{host}:{port}/docs")  # noqa: T201
