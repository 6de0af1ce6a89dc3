"""What Prometheus is told, by its own names and base units (https://prometheus.io/docs/practices/naming/): counted by each process
for itself, served on a port of its own.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

REGISTRY = CollectorRegistry()
NO_ROUTE = "none"  # a path that is no route's: paths come from outside, and each would be a series of its own

_REQUESTS = Histogram(
    "krai_http_request_duration_seconds",
    "From a request's head to the end of its answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_ACCEPTED = Counter("krai_jobs_accepted", "Jobs that were written, by type.", ["type"], registry=REGISTRY)
_ATTEMPTS = Counter(
    "krai_job_attempts", "Attempts that ended here, by their job's type and status then.", ["type", "status"], registry=REGISTRY
)
_CALLED_BACK = Counter("krai_callbacks", "Calls of receivers, by outcome: delivered, or a code.", ["outcome"], registry=REGISTRY)
_RUNNING = Gauge("krai_jobs_running", "Jobs that this worker has right now.", registry=REGISTRY)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})


def request_answered(method: str, route: str | None, status: int, took_s: float) -> None:
    _REQUESTS.labels(method if method in METHODS else "other", route or NO_ROUTE, str(status)).observe(took_s)


def job_accepted(job_type: str) -> None:
    _ACCEPTED.labels(job_type).inc()


def attempt_began() -> None:
    _RUNNING.inc()


def attempt_ended(job_type: str, status: str) -> None:
    _RUNNING.dec()
    _ATTEMPTS.labels(job_type, status).inc()


def called_back(outcome: str) -> None:
    _CALLED_BACK.labels(outcome).inc()


def serve(host: str, port: int) -> None:
    """Answer `GET /metrics` there, in a thread, until the process ends. Raises OSError."""
    start_http_server(port, addr=host, registry=REGISTRY)
