"""Structured logs: one event a line, as JSON for machines or as text on a terminal, and no secrets in them."""

import logging
import re
import secrets
import sys
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from krai.redaction import redacted

TRACEPARENT = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})", re.ASCII)


def configure(log_format: Literal["auto", "json", "text"]) -> None:
    """Send log lines to stderr, warnings of libraries too; call once per process, before the first line."""
    as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # As text already here, so that it is redacted with the rest. Not the rich one, which prints the values of all variables.
        structlog.processors.format_exc_info,
        _redact,
    ]
    if as_text:
        last: Processor = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    else:
        last = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    theirs = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(theirs)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


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
    if found is None or found["version"] == "ff" or not int(found["trace"], 16) or not int(found["span"], 16):
        return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return f"00-{found['trace']}-{secrets.token_hex(8)}-{found['flags']}"


def trace_of(header: str | None) -> dict[str, str]:
    """What log lines carry of a `traceparent`."""
    found = TRACEPARENT.fullmatch(header or "")
    return {} if found is None else {"trace_id": found["trace"]}
