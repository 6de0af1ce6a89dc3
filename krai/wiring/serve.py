"""Starts the processes: the API, with a worker beside it in embedded mode, and the worker alone."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvicorn

import krai
from krai import failpoint, metrics, observe
from krai.api.app import create_app
from krai.dead_letters import settle_dead_letters
from krai.errors import Transient
from krai.identity.tokens import Tokens
from krai.ports import Stores
from krai.settings import DEMO_KEY, Mode, Settings, UnsafeSettings, read
from krai.sweep import AT_ONCE, sweep, sweep_sessions, sweep_uploads
from krai.turns import fill_all
from krai.wiring.issuers import issuers
from krai.wiring.protocol import Protocol
from krai.wiring.signing import public_keys
from krai.wiring.stores import open_stores
from krai.wiring.traced import traced
from krai.wiring.work import courier, open_worker, retention

DASHBOARD = Path(__file__).resolve().parents[2] / "frontend" / "dist"  # where `make dashboard` builds it
MOST_HEARD_BYTES = 4096  # of what a client says on a WebSocket, where krai listens to nothing


def main(process: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    """Run a process to its end; what forbids a start is said in one line each, with exit code 1."""
    try:
        settings = read()
        observe.configure(settings.log_format, project=settings.google_cloud_project)
        failpoint.arm(settings.fail)
        _serve_metrics(settings)
        with traced(settings, process.__name__):
            asyncio.run(process(settings))
    except UnsafeSettings as error:
        sys.exit(f"krai does not start:\n{error}")
    except Transient as error:
        sys.exit(f"krai does not start, for now:\n{error}")


async def api(settings: Settings) -> None:
    """`python main.py`: the API and, in embedded mode, a worker beside it."""
    if settings.mode is Mode.GCP and settings.api_key == DEMO_KEY:  # here alone, for no other process is to know the key
        raise UnsafeSettings("API_KEY is empty or the one of the README: mode gcp needs a secret of your own")
    stop, hurry = _stop_on_signals()
    with _listen(settings) as listening:
        async with open_stores(settings) as stores, AsyncExitStack() as stack:
            stack.enter_context(metrics.queue_of(_backlog_of(stores, asyncio.get_running_loop())))
            tasks: list[asyncio.Task[object]] = [asyncio.create_task(stop.wait())]
            if settings.mode is Mode.EMBEDDED:
                worker = await stack.enter_async_context(open_worker(settings, stores, hurry))
                tasks.append(asyncio.create_task(worker.run(stop)))
            known = issuers(settings)
            tokens = Tokens(known) if known else None
            if tokens is not None:
                stack.push_async_callback(tokens.close)
            dashboard = DASHBOARD if (DASHBOARD / "index.html").is_file() else None
            app = create_app(settings, stores, stopping=stop, tokens=tokens, manifest_keys=public_keys(settings), dashboard=dashboard)
            server = _Server(uvicorn.Config(app, **_server_options(settings)))
            tasks.append(asyncio.create_task(server.serve(sockets=[listening])))
            _welcome(settings, listening)
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            stop.set()
            server.should_exit = True
            await asyncio.gather(*tasks)


async def worker(settings: Settings) -> None:
    """`python worker.py`: a worker alone, on the same stores as the API."""
    stop, hurry = _stop_on_signals()
    async with open_stores(settings) as stores, open_worker(settings, stores, hurry) as work:
        observe.log().info("worker ready", slots=settings.slots)
        await work.run(stop)


async def sweep_once(settings: Settings) -> None:
    """`python worker.py --sweep-once`: what workers sweep, for a schedule in a deployment whose workers scale to zero."""
    kept = retention(settings)
    async with open_stores(settings) as stores:
        called_back = courier(settings, stores, at_once=AT_ONCE)
        call_back = None if called_back is None else called_back.take
        while await sweep(stores, kept, call_back=call_back, share=settings.quota_running) == AT_ONCE:
            pass
        if settings.quota_running is None:  # some may have been held before that was switched off
            await fill_all(stores, None)
        await settle_dead_letters(stores, keep_files_s=kept.files_s)
        await sweep_uploads(stores)
        await sweep_sessions(stores)
        if called_back is not None:
            await called_back.finish()


def _serve_metrics(settings: Settings) -> None:
    if settings.metrics_port is not None:
        try:
            metrics.serve(settings.host, settings.metrics_port, version=krai.__version__, folder=settings.data_dir)
        except OSError as error:
            text = f"KRAI_METRICS_PORT: {settings.host}:{settings.metrics_port} cannot be used ({error.strerror}); set another one"
            raise UnsafeSettings(text) from None


def _backlog_of(stores: Stores, loop: asyncio.AbstractEventLoop) -> Callable[[], tuple[int, int, float]]:
    """How many jobs wait and run, and how long the first of them has waited, for whoever asks from another thread."""

    async def count() -> tuple[int, int, float]:
        backlog = await stores.jobs.backlog()
        waited_s = 0.0 if backlog.waits_since is None else (stores.jobs.now() - backlog.waits_since).total_seconds()
        return backlog.waiting, backlog.processing, max(0.0, waited_s)

    return lambda: asyncio.run_coroutine_threadsafe(count(), loop).result(metrics.ANSWERS_WITHIN_S)


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


def _server_options(settings: Settings) -> dict[str, Any]:
    return {
        "proxy_headers": bool(settings.proxies),
        "forwarded_allow_ips": settings.proxies,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": 5,
        "http": Protocol,
        "ws": "websockets-sansio",  # the other one of uvicorn's stands on what websockets is going to remove
        "ws_max_size": MOST_HEARD_BYTES,
    }


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: krai's own also stop the worker, and end the process with exit code 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _stop_on_signals() -> tuple[asyncio.Event, asyncio.Event]:
    """The first signal stops; a second one does not wait for running jobs. Set up first, so that a signal during the start ends it
    in good order too."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def asked() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked)
    return stop, hurry


def _welcome(settings: Settings, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    observe.log().info("krai ready", url=f"http://{host}:{port}", mode=settings.mode.value, data_dir=str(settings.data_dir))
    if sys.stdout.isatty():
        key = DEMO_KEY if settings.api_key == DEMO_KEY else "$API_KEY"
        print(f"krai is ready. Try: curl -H 'x-api-key: {key}' http://{host}:{port}/api/v1/datasets   or open http://{host}:{port}/docs")  # noqa: T201
