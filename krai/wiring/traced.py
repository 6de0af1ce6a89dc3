"""Traces of a process, where they are switched on."""

import contextlib
import importlib
from collections.abc import Iterator

from krai import observe
from krai.settings import Settings


@contextlib.contextmanager
def traced(settings: Settings, process: str) -> Iterator[None]:
    """Within the block spans are recorded and sent; without an address for them nothing is even loaded."""
    if settings.otlp_endpoint is None:
        yield
        return
    tracing = importlib.import_module("krai.tracing")
    traces = tracing.Traces(
        tracing.to_collector(settings.otlp_endpoint), service=f"krai-{process.replace('_', '-')}", ratio=settings.trace_ratio
    )
    observe.trace_by(traces)
    try:
        yield
    finally:
        observe.trace_by(None)
        traces.close()
