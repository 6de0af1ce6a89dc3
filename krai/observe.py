"""Structured logs and traces. A log line is one event, as JSON for machines or as text on a terminal, and has no secrets in it.

Nothing is loaded for traces, and next to nothing done, until `trace_by` is given what records them (`krai.tracing`).
"""

import logging
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from krai.redaction import redacted

TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})", re.ASCII)


class Kind(StrEnum):
    """What a span is, as OpenTelemetry's conventions have it."""

    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"
    INTERNAL = "internal"


class Span(Protocol):
    """Something that takes time. `traceparent` is its place in its trace (W3C Trace Context), for what happens because of it."""

    traceparent: str

    @property
    def logged(self) -> dict[str, Any]:
        """What log lines carry of it."""

    def end(self, *, name: str | None = None, error: str | None = None, **attributes: Any) -> None:
        """`error` is a code, of what has failed. Attributes hold words and numbers of krai: no input, no address, no secret."""


class Tracing(Protocol):
    def begin(self, name: str, kind: Kind, under: str | None, *, linked: bool, attributes: dict[str, Any]) -> Span: ...

    def took(self, name: str, under: str, began_ns: int, ended_ns: int) -> None: ...


@dataclass(slots=True)
class Untraced:
    """A span that nobody records."""

    traceparent: str

    @property
    def logged(self) -> dict[str, Any]:
        return trace_of(self.traceparent)

    def end(self, *, name: str | None = None, error: str | None = None, **attributes: Any) -> None:
        """Nothing is kept."""


_tracing: Tracing | None = None


def trace_by(tracing: Tracing | None) -> None:
    """From now on spans are recorded by it; None: by nobody."""
    global _tracing  # noqa: PLW0603 - one for each process, as with the log
    _tracing = tracing


def begin(name: str, kind: Kind, under: str | None, *, linked: bool = False, **attributes: Any) -> Span:
    """A span that begins now, below the one at `under`, or the first of a trace.

    `linked`: the other one did not wait for it. Names and attributes are those of OpenTelemetry's semantic conventions, `.` for `__`.
    """
    if _tracing is None:
        return Untraced(under or "")
    return _tracing.begin(name, kind, under, linked=linked, attributes=attributes)


def begin_request(received: str | None, method: str) -> Span:
    """The span of a request that came with this `traceparent`."""
    if _tracing is None:
        return Untraced(traceparent(received))
    under = received if _is_traceparent(received) else None
    return begin(method, Kind.SERVER, under, http__request__method="_OTHER" if method == "HTTP" else method)


def took(name: str, under: str, began_ns: int, ended_ns: int) -> None:
    """A span that has ended already: times since 1970."""
    if _tracing is not None:
        _tracing.took(name, under, began_ns, ended_ns)


@contextmanager
def span(name: str, kind: Kind, under: str | None, **attributes: Any) -> Iterator[Span]:
    """The block as a span; what it raises is named by its class."""
    if _tracing is None:
        yield Untraced(under or "")
        return
    begun = begin(name, kind, under, **attributes)
    try:
        yield begun
    except BaseException as error:
        begun.end(error=type(error).__name__)
        raise
    begun.end()


def configure(log_format: Literal["auto", "json", "text"], *, project: str | None = None) -> None:
    """Send log lines to stderr, warnings of libraries too; call once per process, before the first line.

    JSON has the names of Cloud Logging; `project` is the one whose traces they belong to.
    """
    as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # As text already here, so that it is redacted with the rest. Not the rich one, which prints the values of all variables.
        structlog.processors.format_exc_info,
        _redact,
    ]
    last: list[Processor]
    if as_text:
        last = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    else:
        last = [_Renamed(project), structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    theirs = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(theirs)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


@dataclass(frozen=True, slots=True)
class _Renamed:
    """A line as https://cloud.google.com/logging/docs/structured-logging has it. `event` stays beside `message`, for `jq`."""

    project: str | None

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> EventDict:
        head = {"severity": str(event.pop("level", "info")).upper(), "message": event.get("event"), "time": event.pop("timestamp", None)}
        line: EventDict = {**head, **event}
        if "job_id" in event:
            line["logging.googleapis.com/labels"] = {"job_id": event["job_id"]}
        if self.project and "trace_id" in event:
            line["logging.googleapis.com/trace"] = f"projects/{self.project}/traces/{event['trace_id']}"
        if "span_id" in event:
            line["logging.googleapis.com/spanId"], line["logging.googleapis.com/trace_sampled"] = event["span_id"], True
        return line


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {name: redacted(value) for name, value in event.items()}


def log(**context: Any) -> FilteringBoundLogger:
    """A logger; `context` stands on each of its lines."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger


def bound(**context: Any) -> AbstractContextManager[None]:
    """Within the block, `context` stands on every line that is logged from here, by whichever logger."""
    return structlog.contextvars.bound_contextvars(**context)


def traceparent(received: str | None) -> str:
    """The trace of a request (W3C Trace Context): the caller's, continued by a span of our own, or a new one."""
    found = TRACEPARENT.fullmatch(received or "")
    if found is None or not _is_traceparent(received):
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return f"00-{found['trace']}-{secrets.token_hex(8)}-{found['flags']}"


def _is_traceparent(received: str | None) -> bool:
    found = TRACEPARENT.fullmatch(received or "")
    return found is not None and found["version"] != "ff" and bool(int(found["trace"], 16)) and bool(int(found["span"], 16))


def trace_of(header: str | None) -> dict[str, str]:
    """What log lines carry of a `traceparent`."""
    found = TRACEPARENT.fullmatch(header or "")
    return {} if found is None else {"trace_id": found["trace"]}
