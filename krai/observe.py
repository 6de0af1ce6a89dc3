"""Structured logs: one event a line, as JSON for machines or as text on a terminal."""

import sys
from contextlib import AbstractContextManager
from typing import Any, Literal

import structlog
from structlog.typing import FilteringBoundLogger, Processor


def configure(log_format: Literal["auto", "json", "text"]) -> None:
    """Send log lines to stderr; call once per process, before the first line."""
    as_text = sys.stderr.isatty() if log_format == "auto" else log_format == "text"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_text:
        shared += [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    else:
        shared += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=shared,
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log(**context: Any) -> FilteringBoundLogger:
    """A logger; `context` stands on each of its lines."""
    logger: FilteringBoundLogger = structlog.get_logger(**context)
    return logger


def bound(**context: Any) -> AbstractContextManager[None]:
    """Within the block, `context` stands on every line that is logged from here, by whichever logger."""
    return structlog.contextvars.bound_contextvars(**context)
