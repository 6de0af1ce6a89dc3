"""Traces by OpenTelemetry's SDK, sent to a collector by OTLP over HTTP. Loaded only where they are switched on.

Spans follow OpenTelemetry's semantic conventions for HTTP and messaging. Sampling is decided where a trace begins, and everybody after
that keeps to it: krai decides for what comes without a trace.
"""

import os
import socket
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

import krai
from krai.observe import TRACEPARENT, Kind, Span

EXPORT_WITHIN_S = 3.0  # a process that stops waits no longer for its collector
KINDS = {kind: trace.SpanKind[kind.name] for kind in Kind}


class Recorded:
    """Implements `observe.Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self._trace_id, self._span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
        self.traceparent = f"00-{self._trace_id}-{self._span_id}-{int(context.trace_flags):02x}"

    @property
    def logged(self) -> dict[str, Any]:
        return {"trace_id": self._trace_id, **({"span_id": self._span_id} if self._span.is_recording() else {})}

    def end(self, *, name: str | None = None, error: str | None = None, **attributes: Any) -> None:
        if not self._span.is_recording():
            return
        if name is not None:
            self._span.update_name(name)
        if error is not None:
            self._span.set_status(trace.StatusCode.ERROR)
            self._span.set_attribute("error.type", error)
        self._span.set_attributes(_attributes(attributes))
        self._span.end()


class Traces:
    """Implements `observe.Tracing`. `service` says which of krai's processes this is, `ratio` how many of the traces that begin here
    are recorded.
    """

    def __init__(self, processor: SpanProcessor, *, service: str, ratio: float = 1.0) -> None:
        resource = Resource.create(
            {
                "service.name": service,
                "service.namespace": "krai",
                "service.version": krai.__version__,
                "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
            }
        )
        # Not the provider of the whole process: Google's libraries would record their calls by it, with what stands in them.
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)), resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("krai", krai.__version__)

    def begin(self, name: str, kind: Kind, under: str | None, *, linked: bool, attributes: dict[str, Any]) -> Span:
        context = _context(under)
        parent = None if context is None else trace.set_span_in_context(trace.NonRecordingSpan(context))
        links = [trace.Link(context)] if linked and context is not None else []
        return Recorded(self._tracer.start_span(name, parent, KINDS[kind], _attributes(attributes), links))

    def took(self, name: str, under: str, began_ns: int, ended_ns: int) -> None:
        context = _context(under)
        if context is not None and context.trace_flags.sampled:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(context))
            self._tracer.start_span(name, parent, start_time=began_ns).end(ended_ns)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def to_collector(endpoint: str) -> SpanProcessor:
    """Spans go to the collector at this address, some at a time and in a thread of their own; what it does not take is dropped.

    The SDK's own variables count too: OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES, OTEL_BSP_*.
    """
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=EXPORT_WITHIN_S))


def _context(traceparent: str | None) -> trace.SpanContext | None:
    found = TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return None
    flags = trace.TraceFlags(int(found["flags"], 16) & trace.TraceFlags.SAMPLED)
    return trace.SpanContext(int(found["trace"], 16), int(found["span"], 16), is_remote=True, trace_flags=flags)


def _attributes(named: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in named.items() if value is not None}
