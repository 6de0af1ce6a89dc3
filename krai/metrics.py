"""What Prometheus is told, by its own names and base units (https://prometheus.io/docs/practices/naming/): counted by each process
for itself, served on a port of its own.

docs/observability.md has the list, made of what stands here. Labels are words of krai alone (types, codes, routes), never what a
caller has chosen, so that there is a bounded number of series.
"""

import math
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

disable_created_metrics()  # a series more for each counter, which nobody asks for
REGISTRY = CollectorRegistry()
NO_ROUTE = "none"  # a path that is no route's: paths come from outside, and each would be a series of its own
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
TYPES = ("export", "import", "drop", "undo")
ENDS = ("COMPLETED", "FAILED", "CANCELLED")
RESTARTS = ("crash", "memory_limit", "job_timeout", "stopped", "served_enough")
DEAD = ("unreadable", "no_such_job", "finished", "looked_after", "failed")
CLAIMS = ("claimed", "finished", "not_yet", "unknown", "store_busy")
OWN_TROUBLE = ("attempts_spent", "dead_lettered", "disk_full", "job_timeout", "memory_limit", "parser_crashed")  # no caller's doing alone
ASK_EVERY_S = 15.0
ANSWERS_WITHIN_S = 5.0

_REQUESTS = Histogram(
    "krai_http_request_duration_seconds",
    "From a request's head to the end of its answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_ACCEPTED = Counter("krai_jobs_accepted", "Jobs that were written, by type.", ["type"], registry=REGISTRY)
_ENDED = Counter("krai_jobs_ended", "Jobs whose end was written here, by type and status.", ["type", "status"], registry=REGISTRY)
_FAILURES = Counter("krai_job_failures", "Jobs that ended FAILED here, by type and problem code.", ["type", "code"], registry=REGISTRY)
_WAITED = Histogram(
    "krai_job_wait_seconds",
    "From when a job may be claimed to its claim.",
    ["type"],
    buckets=(0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 3600),
    registry=REGISTRY,
)
_TOOK = Histogram(
    "krai_job_duration_seconds",
    "From the request for a job to its end as COMPLETED.",
    ["type"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600),
    registry=REGISTRY,
)
_CLAIMS = Counter("krai_claims", "Wake-up messages by what came of them: claimed, or why not.", ["outcome"], registry=REGISTRY)
_LOST = Counter("krai_lease_losses", "Attempts given up because the lease was another's, or might have been.", registry=REGISTRY)
_ATTEMPTS = Counter(
    "krai_job_attempts", "Attempts that ended here, by their job's type and status then.", ["type", "status"], registry=REGISTRY
)
_RECORDS = Counter("krai_records_processed", "Rows that attempts here have read or written, by type.", ["type"], registry=REGISTRY)
_REJECTS = Counter("krai_records_rejected", "Rows that imports here could not take.", registry=REGISTRY)
_BYTES = Counter("krai_bytes_processed", "Bytes that attempts here have read or written, by type.", ["type"], registry=REGISTRY)
_RESTARTS = Counter("krai_child_restarts", "Children that were replaced, by reason.", ["reason"], registry=REGISTRY)
_DEAD = Counter("krai_dead_letters", "Messages of the dead-letter queue, by what they were.", ["reason"], registry=REGISTRY)
_CALLED_BACK = Counter("krai_callbacks", "Calls of receivers, by outcome: delivered, or a code.", ["outcome"], registry=REGISTRY)
_SWEEPS = Counter("krai_sweeps", "Sweeps, by outcome: ok or failed.", ["outcome"], registry=REGISTRY)
_RUNNING = Gauge("krai_jobs_running", "Jobs that this worker has right now.", registry=REGISTRY)
_SLOTS = Gauge("krai_worker_slots", "Jobs that this worker runs at once; 0 where there is none.", registry=REGISTRY)
_BUILD = Gauge("krai_build_info", "1, with the version of this process.", ["version"], registry=REGISTRY)
_DISK_FREE = Gauge("krai_disk_free_bytes", "What is free where this process keeps its files.", registry=REGISTRY)
_DISK_SIZE = Gauge("krai_disk_size_bytes", "The size of that disk.", registry=REGISTRY)


def _begin_at_zero() -> None:
    """A counter that begins with its first event hides it from `increase`, and so from an alert."""
    for job_type in TYPES:
        for counter in (_ACCEPTED, _RECORDS, _BYTES):
            counter.labels(job_type)
        for status in ENDS:
            _ENDED.labels(job_type, status)
        for code in OWN_TROUBLE:
            _FAILURES.labels(job_type, code)
    for counter, words in ((_CLAIMS, CLAIMS), (_RESTARTS, RESTARTS), (_DEAD, DEAD), (_SWEEPS, ("ok", "failed"))):
        for word in words:
            counter.labels(word)


_begin_at_zero()


def request_answered(method: str, route: str | None, status: int, took_s: float) -> None:
    _REQUESTS.labels(method if method in METHODS else "other", route or NO_ROUTE, str(status)).observe(took_s)


def job_accepted(job_type: str) -> None:
    _ACCEPTED.labels(job_type).inc()


def job_ended(job_type: str, status: str, code: str | None, took_s: float) -> None:
    """`code` is the problem's, of a job that has failed."""
    _ENDED.labels(job_type, status).inc()
    if code is not None:
        _FAILURES.labels(job_type, code).inc()
    if status == "COMPLETED":
        _TOOK.labels(job_type).observe(took_s)


def job_waited(job_type: str, waited_s: float) -> None:
    _WAITED.labels(job_type).observe(max(0.0, waited_s))


def message_answered(outcome: str) -> None:
    """One of `CLAIMS`."""
    _CLAIMS.labels(outcome).inc()


def lease_lost() -> None:
    _LOST.inc()


def attempt_began() -> None:
    _RUNNING.inc()


def attempt_ended(job_type: str, status: str) -> None:
    _RUNNING.dec()
    _ATTEMPTS.labels(job_type, status).inc()


def advanced(job_type: str, *, records: int, rejected: int, size_bytes: int) -> None:
    """So much further than the last time."""
    _RECORDS.labels(job_type).inc(max(0, records))
    _REJECTS.inc(max(0, rejected))
    _BYTES.labels(job_type).inc(max(0, size_bytes))


def child_replaced(reason: str) -> None:
    """One of `RESTARTS`."""
    _RESTARTS.labels(reason).inc()


def dead_letter(reason: str) -> None:
    """One of `DEAD`."""
    _DEAD.labels(reason).inc()


def called_back(outcome: str) -> None:
    _CALLED_BACK.labels(outcome).inc()


def swept(*, failed: bool) -> None:
    _SWEEPS.labels("failed" if failed else "ok").inc()


def worker_began(slots: int) -> None:
    _SLOTS.set(slots)


class Queue(Collector):
    """What workers have to do, asked of the store when somebody reads it, and at most every `ASK_EVERY_S` seconds.

    `ask` gives jobs waiting, jobs processing and the age of the job that waits longest, in seconds. Where it does not answer in
    time there is nothing to read: an old number would be taken for a new one.
    """

    def __init__(self, ask: Callable[[], tuple[int, int, float]]) -> None:
        self._ask = ask
        self._told: tuple[int, int, float] | None = None
        self._asked_at = -math.inf
        self._turn = threading.Lock()

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return self._families((0, 0, 0.0))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._turn:
            if time.monotonic() - self._asked_at >= ASK_EVERY_S:
                self._asked_at = time.monotonic()
                try:
                    self._told = self._ask()
                except Exception:  # noqa: BLE001 - whatever it is, the store says it elsewhere, and the other metrics are to be read
                    self._told = None
            told = self._told
        if told is not None:
            yield from self._families(told)

    def _families(self, told: tuple[int, int, float]) -> list[GaugeMetricFamily]:
        waiting, processing, age_s = told
        return [
            GaugeMetricFamily("krai_queue_depth", "Jobs that wait for a worker and may be claimed, of all of krai.", waiting),
            GaugeMetricFamily("krai_queue_backlog", "What workers have to do in all: jobs waiting and jobs running.", waiting + processing),
            GaugeMetricFamily("krai_queue_oldest_age_seconds", "How long the job that waits longest has waited.", age_s),
        ]


@contextmanager
def queue_of(ask: Callable[[], tuple[int, int, float]]) -> Iterator[None]:
    """Within the block, what `Queue` says is read with the rest. For one process of a deployment and its like, not for every worker."""
    queue = Queue(ask)
    REGISTRY.register(queue)
    try:
        yield
    finally:
        REGISTRY.unregister(queue)


def serve(host: str, port: int, *, version: str, folder: Path) -> None:
    """Answer `GET /metrics` there, in a thread, until the process ends. Raises OSError."""
    _BUILD.labels(version).set(1)
    _DISK_FREE.set_function(lambda: _disk(folder)[0])
    _DISK_SIZE.set_function(lambda: _disk(folder)[1])
    start_http_server(port, addr=host, registry=REGISTRY)


def _disk(folder: Path) -> tuple[float, float]:
    """Free and in all; no number where there is no such folder yet."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return math.nan, math.nan
    return usage.free, usage.total
