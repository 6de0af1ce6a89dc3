"""Warm children, as many as there are slots: each runs one job at a time and is replaced when it dies or has served long enough."""

import asyncio
import contextlib
import importlib
import json
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psutil

from krai import metrics, observe
from krai.attempt import Advanced, AsksToCommit, Attempt, Died, Event, Failed, Step, Succeeded
from krai.errors import Terminal, Transient
from krai.job import Job
from krai.worker.allocator import keep_freed_memory
from krai.worker.incoming import Incoming
from krai.worker.said import understood

JOBS_PER_CHILD = 500  # a new one costs as much as some twenty small jobs
START_TIMEOUT_S = 60.0
REFILL_AGAIN_S = 2.0
SILENT_WITHIN_S = 30.0  # in the middle of a message, which a child sends in one go
# How far the hard wall stands behind the worker's watch, so that it is the watch that ends a child in good order.
HEADROOM_BYTES = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildTerms:
    """How children are made: `build` names a function (`module:function`) that is called in the child with `build_args`."""

    build: str
    build_args: tuple[Any, ...]
    spool: Path
    memory_bytes: int
    job_timeout_s: float
    fail: str | None = None


@dataclass(eq=False, slots=True)
class Child:
    """One process and the line to it. What it says is queued until somebody asks."""

    process: ForkServerProcess
    line: Connection
    lifeline: Connection
    terms: ChildTerms
    heard: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)  # None: there will be nothing more
    jobs: int = 0
    deadline: float | None = None
    _patience: asyncio.TimerHandle | None = None

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self.line.fileno(), self._hear, Incoming(self.line.fileno()))

    def _hear(self, incoming: Incoming) -> None:
        self._stop_waiting()
        try:
            for message in incoming.read():
                self.heard.put_nowait(json.loads(message))
        except (EOFError, OSError, ValueError, RecursionError):
            self._hang_up()
        else:
            if incoming.within_message:
                self._patience = asyncio.get_running_loop().call_later(SILENT_WITHIN_S, self._hang_up)

    def _hang_up(self) -> None:
        asyncio.get_running_loop().remove_reader(self.line.fileno())
        self.heard.put_nowait(None)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def say(self, request: dict[str, Any]) -> None:
        self.line.send_bytes(json.dumps(request).encode())

    def rss_bytes(self) -> int:
        try:
            return int(psutil.Process(self.process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    async def end(self) -> None:
        """Kill the process; returns when it is gone."""
        self._stop_waiting()
        if not self.line.closed:
            asyncio.get_running_loop().remove_reader(self.line.fileno())
        self.process.kill()
        await asyncio.to_thread(self.process.join)
        self.line.close()
        self.lifeline.close()


@dataclass(eq=False, slots=True)
class ChildAttempt:
    """One job in one child; the child goes back to the pool when it has finished in good order."""

    child: Child
    pool: "ChildPool"
    spool: Path
    done: bool = False
    steps: Sequence[Step] = ()
    why: str = "stopped"  # it is replaced, should it come to that: a word of `metrics.RESTARTS`

    async def event(self, timeout_s: float) -> Event | None:
        if (overrun := self._overrun()) is not None:
            return overrun
        try:
            said = await asyncio.wait_for(self.child.heard.get(), timeout_s)
        except TimeoutError:
            return None
        try:
            event, steps = understood(said)
        except ValueError:
            self.why = "crash"
            await self.kill()
            return Died(_how(self.child.process.exitcode))
        if not isinstance(event, Advanced | AsksToCommit):
            self.steps = steps
            await self._give_back()
        return event

    def allow_commit(self, *, allowed: bool) -> None:
        with contextlib.suppress(OSError):
            self.child.say({"allowed": allowed})

    async def kill(self) -> None:
        if not self.done:
            self.done = True
            await self.pool.replace(self.child, self.why)
            await self._clear()

    async def _give_back(self) -> None:
        self.done = True
        await self._clear()
        if self.child.jobs >= JOBS_PER_CHILD:
            await self.pool.replace(self.child, "served_enough")
        else:
            self.pool.idle.put_nowait(self.child)

    async def _clear(self) -> None:
        """Remove the files in the making. Not left to the child, which may have died over them."""
        await asyncio.to_thread(shutil.rmtree, self.spool, ignore_errors=True)

    def _overrun(self) -> Died | None:
        terms = self.child.terms
        if self.child.rss_bytes() > terms.memory_bytes:
            self.why = "memory_limit"
            return Died("too much memory", Terminal("memory_limit", f"It used more than {terms.memory_bytes >> 20} MiB."))
        if self.child.deadline is not None and time.monotonic() > self.child.deadline:
            self.why = "job_timeout"
            return Died("a time-out", Terminal("job_timeout", f"It ran for more than {terms.job_timeout_s:.0f} s."))
        return None


@dataclass(eq=False, slots=True)
class ChildPool:
    """Implements `attempt.Runner`. Children are forked from a server process that has loaded the heavy modules once."""

    terms: ChildTerms
    size: int
    idle: asyncio.Queue[Child] = field(default_factory=asyncio.Queue)
    children: set[Child] = field(default_factory=set)
    closing: bool = False
    _refills: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        keep_freed_memory()
        _context().set_forkserver_preload(["krai.worker.child", self.terms.build.partition(":")[0]])
        for child in await asyncio.gather(*(self._spawn() for _ in range(self.size))):
            self.idle.put_nowait(child)

    async def close(self) -> None:
        self.closing = True
        for refill in self._refills:
            refill.cancel()
        await asyncio.gather(*self._refills, return_exceptions=True)
        await asyncio.gather(*(child.end() for child in self.children))
        self.children.clear()

    async def start(self, job: Job) -> Attempt:
        return await self._ask({"do": "run", "job": job.to_doc()}, f"{job.job_id}-e{job.epoch}")

    async def look_up(self, job: Job) -> Attempt:
        return await self._ask({"do": "look_up", "job": job.to_doc()}, f"{job.job_id}-e{job.epoch}")

    async def discard(self, job: Job) -> None:
        await self.call({"do": "discard", "dataset": job.dataset, "job_id": job.job_id}, f"{job.job_id}-discard")

    async def call(self, request: dict[str, Any], spool: str) -> dict[str, Any]:
        """Have a child do something that is no job; returns its result. Raises KraiError."""
        attempt = await self._ask(request, spool)
        try:
            while True:
                match await attempt.event(timeout_s=1.0):
                    case Succeeded(result):
                        return result
                    case Failed(error):
                        raise error
                    case Died(how):
                        raise Transient("parser_crashed", f"The process ended with {how}.")
                    case _:
                        continue
        finally:
            await attempt.kill()

    async def replace(self, child: Child, why: str) -> None:
        """End the child; another takes its place in a moment."""
        metrics.child_replaced(why)
        self.children.discard(child)
        await child.end()
        if not self.closing:
            refill = asyncio.create_task(self._refill())
            self._refills.add(refill)
            refill.add_done_callback(self._refills.discard)

    async def _refill(self) -> None:
        while True:
            try:
                self.idle.put_nowait(await self._spawn())
            except (EOFError, OSError, RuntimeError) as error:
                # Without a fork there is no work; with the next one, when memory is free again, there is.
                observe.log().error("child not started", error=str(error) or type(error).__name__)
                await asyncio.sleep(REFILL_AGAIN_S)
            else:
                return

    async def _ask(self, request: dict[str, Any], spool: str) -> ChildAttempt:
        child = await self.idle.get()
        child.jobs += 1
        child.deadline = time.monotonic() + self.terms.job_timeout_s
        attempt = ChildAttempt(child, self, self.terms.spool / spool)
        try:
            child.say({**request, "spool": str(attempt.spool)})
        except OSError as error:
            await attempt.kill()
            raise Transient("parser_crashed", "The process that should run it was gone.") from error
        return attempt

    async def _spawn(self) -> Child:
        child = await asyncio.to_thread(_launch, self.terms)
        self.children.add(child)
        child.listen()
        try:
            ready = await asyncio.wait_for(child.heard.get(), START_TIMEOUT_S)
        except TimeoutError:
            ready = None
        if ready is None:
            self.children.discard(child)
            await child.end()
            message = f"A child process did not start: it ended with {_how(child.process.exitcode)}."
            raise RuntimeError(message)
        return child


def _context() -> multiprocessing.context.ForkServerContext:
    return multiprocessing.get_context("forkserver")


def _launch(terms: ChildTerms) -> Child:
    context = _context()
    line, its_line = context.Pipe()
    its_lifeline, lifeline = context.Pipe(duplex=False)
    process = context.Process(target=_enter, args=(its_line, its_lifeline, terms, os.getpid()), daemon=True, name="krai-child")
    process.start()
    its_line.close()
    its_lifeline.close()
    return Child(process, line, lifeline, terms)


def _enter(line: Connection, lifeline: Connection, terms: ChildTerms, worker_pid: int) -> None:
    """The child's first step. The heavy modules are named, not imported, so that the worker itself never loads them."""
    module, _, function = terms.build.partition(":")
    build: Callable[..., Any] = getattr(importlib.import_module(module), function)
    enter = importlib.import_module("krai.worker.child").main
    enter(
        line,
        lifeline,
        build=lambda: build(*terms.build_args),
        worker_pid=worker_pid,
        fail=terms.fail,
        memory_bytes=terms.memory_bytes + HEADROOM_BYTES,
    )


def _how(exitcode: int | None) -> str:
    if exitcode is None:
        return "no answer"
    return f"signal {-exitcode}" if exitcode < 0 else f"exit code {exitcode}"
