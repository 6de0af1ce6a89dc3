"""Inside a child: run one job at a time, say how it goes, and know nothing of leases, queues or job states.

A child is expendable. A hostile file may abort it, use up its memory or keep it busy for ever; its worker kills and replaces it.
What it says to its worker is JSON, never a pickle: whoever takes over a parser must not reach the worker through it.
"""

import contextlib
import errno
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from krai import failpoint
from krai.errors import KraiError, Terminal, Transient
from krai.job import WRITERS, Job, Progress, Stage
from krai.transfer import samples, work
from krai.transfer.tools import Outcome, Superseded, Tools

SAY_EVERY_S = 0.2
MOST_STEPS = 32  # an export of many files comes back to the same stages again and again

# Arrow loads pandas wherever it finds it, which costs each child time and memory and serves nothing here.
sys.modules.setdefault("pandas", None)  # type: ignore[arg-type] # None is how the import system says "there is none"


@dataclass(slots=True)
class Pipe:
    """The line to the worker. Implements `transfer.tools.Reporter`."""

    line: Connection
    _said_at: float = 0.0
    _unsaid: Progress | None = None
    _stages: list[tuple[Stage, int]] = field(default_factory=list)  # with when each began

    def begin(self) -> None:
        """A job begins."""
        self._stages = []

    def progress(self, progress: Progress) -> None:
        self._unsaid = progress
        begins = (not self._stages or self._stages[-1][0] is not progress.stage) and len(self._stages) < MOST_STEPS
        if begins:
            self._stages.append((progress.stage, time.time_ns()))
        if begins or time.monotonic() - self._said_at >= SAY_EVERY_S:  # a stage is told when it begins, however short it is
            self._catch_up()

    def may_commit(self) -> None:
        self.say("asks_to_commit")
        if not json.loads(self.line.recv_bytes())["allowed"]:
            raise Superseded

    def say(self, event: str, **values: Any) -> None:
        self._catch_up()
        self._send(event, **values)

    def end(self, event: str, **values: Any) -> None:
        """Say the last of a job, with what was done when."""
        ends = [*(began_ns for _, began_ns in self._stages[1:]), time.time_ns()]  # one too many, where nothing has begun
        self.say(event, **values, steps=[(stage, began, ended) for (stage, began), ended in zip(self._stages, ends, strict=False)])

    def _catch_up(self) -> None:
        if self._unsaid is not None:
            self._send("advanced", progress=asdict(self._unsaid))
            self._said_at, self._unsaid = time.monotonic(), None

    def _send(self, event: str, **values: Any) -> None:
        self.line.send_bytes(json.dumps({"event": event, **values}).encode())


def main(
    line: Connection, lifeline: Connection, *, build: Callable[[], Tools], worker_pid: int, fail: str | None, memory_bytes: int
) -> None:
    """Serve the worker at the other end of `line` until it closes it, or until `lifeline` breaks because the worker died."""
    # A Ctrl-C in a terminal reaches the whole group; what it means for a job is the worker's decision.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_die_with_worker, args=(lifeline,), daemon=True).start()
    failpoint.arm(fail, worker_pid=worker_pid)
    _cap_memory(memory_bytes)
    tools = build()
    pipe = Pipe(line)
    with contextlib.suppress(EOFError, ConnectionError):  # the worker is gone, or has no more use for this child
        pipe.say("ready")
        while True:
            _serve(json.loads(line.recv_bytes()), tools, pipe)


def _serve(request: dict[str, Any], tools: Tools, pipe: Pipe) -> None:
    spool = Path(request["spool"])
    spool.mkdir(parents=True, exist_ok=True)
    pipe.begin()
    try:
        _do(request, replace(tools, spool=spool), pipe)
    except Superseded:
        pipe.end("superseded")
    except KraiError as error:
        pipe.end("failed", terminal=isinstance(error, Terminal), code=error.code, detail=error.detail, result=error.result)
    except MemoryError:
        pipe.end("failed", terminal=True, code="memory_limit", detail="", result=None)
    except OSError as error:
        # What is left here is the machine's trouble, not the file's: a full disk is final, anything else may pass.
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        code, detail = "disk_full" if full else "store_busy", os.strerror(error.errno or 0)
        pipe.end("failed", terminal=full, code=code, detail=detail, result=None)


def _do(request: dict[str, Any], tools: Tools, pipe: Pipe) -> None:
    match request["do"]:
        case "run":
            job = Job.from_doc(request["job"])
            _succeed(job, work.run(job, tools, pipe), tools, pipe)
        case "look_up":
            job = Job.from_doc(request["job"])
            if (outcome := work.look_up(job, tools)) is None:
                pipe.end("uncommitted")
            else:
                _succeed(job, outcome, tools, pipe)
        case "discard":
            tools.warehouse.sweep(request["dataset"], request["job_id"], None)
            pipe.end("succeeded", result={}, dataset=None, dropped=None)
        case "seed":
            pipe.end("succeeded", result={"datasets": [item.to_doc() for item in samples.seed(tools)]}, dataset=None, dropped=None)
        case unknown:
            raise Transient("internal", f"A child does not know how to {unknown}.")


def _succeed(job: Job, outcome: Outcome, tools: Tools, pipe: Pipe) -> None:
    if job.type in WRITERS and job.epoch > 1:
        tools.warehouse.sweep(job.dataset, job.job_id, None)
    dataset = None if outcome.dataset is None else outcome.dataset.to_doc()
    pipe.end("succeeded", result=outcome.result, dataset=dataset, dropped=outcome.dropped)


def _die_with_worker(lifeline: Connection) -> None:
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)


def _cap_memory(memory_bytes: int) -> None:
    """A second wall behind the worker's own watch, for what is allocated faster than the worker looks.

    It stands on what is reserved already: allocators set a gigabyte of addresses aside before they use a byte.
    """
    reserved_bytes = getattr(psutil.Process().memory_info(), "data", 0)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (reserved_bytes + memory_bytes, reserved_bytes + memory_bytes))
