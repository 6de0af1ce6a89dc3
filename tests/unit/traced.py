"""Spans of this process, kept in memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from krai import observe, tracing


@contextmanager
def recording() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces = tracing.Traces(SimpleSpanProcessor(exporter), service="krai-test")
    observe.trace_by(traces)
    yield exporter
    observe.trace_by(None)
    traces.close()
