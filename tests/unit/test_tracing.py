"""One job is one trace: from the request through the queue to the worker, its child and the receiver of its callback."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from pydantic import ValidationError

from krai import observe, tracing
from krai.api.app import create_app
from krai.observe import Kind
from krai.settings import Settings
from krai.wiring.stores import open_stores
from krai.wiring.work import open_worker
from scripts.unlimited import UNLIMITED
from tests.unit.traced import recording

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
KEY = "the-key-of-the-deployment"
PRIVATE = "somebody@example.org"  # in what is asked, and in nothing that is told of it


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    with recording() as exporter:
        yield exporter


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The API, with a worker and its child."""
    settings = Settings.model_validate({"API_KEY": KEY, "KRAI_DATA_DIR": str(tmp_path), "KRAI_SLOTS": "1", **UNLIMITED})
    stop, hurry = asyncio.Event(), asyncio.Event()
    async with open_stores(settings) as stores, open_worker(settings, stores, hurry) as worker:
        work = asyncio.create_task(worker.run(stop))
        transport = httpx.ASGITransport(create_app(settings, stores))
        async with httpx.AsyncClient(transport=transport, base_url="http://krai.test", headers={"x-api-key": KEY}) as client:
            yield client
        stop.set()
        await work


def by_name(exporter: InMemorySpanExporter, trace: str) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans() if f"{span.context.trace_id:032x}" == trace}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


async def test_an_export_is_one_trace(http: httpx.AsyncClient, exporter: InMemorySpanExporter) -> None:
    body = {"dataset": "users", "filter": f"email <> '{PRIVATE}'", "description": PRIVATE}
    asked = await http.post("/api/v1/exports", json=body, headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert asked.status_code == httpx.codes.ACCEPTED, asked.text
    job = (await http.get(f"/api/v1/jobs/{asked.json()['job_id']}", headers={"prefer": "wait=20"})).json()
    while job["status"] != "COMPLETED":
        job = (await http.get(f"/api/v1/jobs/{job['job_id']}", headers={"prefer": "wait=20"})).json()
    spans: dict[str, ReadableSpan] = {}
    for _ in range(500):  # the job is written before its span ends
        if "process messages" in (spans := by_name(exporter, TRACE)):
            break
        await asyncio.sleep(0.01)
    request, sent, ran, child = (spans[name] for name in ("POST /api/v1/exports", "publish messages", "process messages", "child export"))
    kinds = (SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CONSUMER, SpanKind.INTERNAL)
    assert tuple(span.kind for span in (request, sent, ran, child)) == kinds
    assert parent_of(request) == int(SPAN, 16)
    assert parent_of(sent) == parent_of(ran) == request.context.span_id
    assert [link.context.span_id for link in ran.links] == [request.context.span_id]
    assert parent_of(child) == ran.context.span_id
    steps = {name: span for name, span in spans.items() if span.parent is not None and span.parent.span_id == child.context.span_id}
    assert {"reading", "uploading"} <= steps.keys(), "what the child says it did"
    assert request.attributes is not None
    assert (request.attributes["http.route"], request.attributes["http.response.status_code"]) == ("/api/v1/exports", 202)
    assert ran.attributes is not None
    assert ran.attributes["messaging.destination.name"] == "messages"
    assert (ran.attributes["krai.job.id"], ran.attributes["krai.job.status"]) == (job["job_id"], "COMPLETED")
    told = "".join(span.to_json() for span in exporter.get_finished_spans())
    assert PRIVATE not in told
    assert KEY not in told
    assert request.resource.attributes["service.name"] == "krai-test"


async def test_what_a_caller_does_not_record_is_not_recorded(http: httpx.AsyncClient, exporter: InMemorySpanExporter) -> None:
    await http.get("/api/v1/jobs", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    await http.get("/healthz", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert exporter.get_finished_spans() == (), "nor are probes"
    await http.get("/api/v1/jobs", headers={"traceparent": "nonsense"})
    await http.request("BREW", "/nowhere/at/all")
    assert [span.name for span in exporter.get_finished_spans()] == ["GET /api/v1/jobs", "HTTP"]


@pytest.mark.parametrize(("ratio", "recorded"), [(0.0, 0), (1.0, 1)])
def test_the_ratio_counts_where_a_trace_begins(ratio: float, recorded: int) -> None:
    exporter = InMemorySpanExporter()
    traces = tracing.Traces(SimpleSpanProcessor(exporter), service="krai-test", ratio=ratio)
    traces.begin("first", Kind.SERVER, None, linked=False, attributes={}).end()
    assert len(exporter.get_finished_spans()) == recorded
    traces.begin("later", Kind.SERVER, f"00-{TRACE}-{SPAN}-01", linked=False, attributes={}).end()
    traces.took("later still", f"00-{TRACE}-{SPAN}-01", 1, 2)
    assert len(exporter.get_finished_spans()) == recorded + 2


def test_a_block_that_raises_says_of_what_kind(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ZeroDivisionError), observe.span("divide", Kind.INTERNAL, None):
        _ = 1 // 0
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {"error.type": "ZeroDivisionError"}
    assert span.events == (), "the text of an error may hold anything"


def test_log_lines_name_the_span(exporter: InMemorySpanExporter) -> None:
    begun = observe.begin("x", Kind.INTERNAL, f"00-{TRACE}-{SPAN}-01")
    begun.end()
    (span,) = exporter.get_finished_spans()
    assert begun.traceparent == f"00-{TRACE}-{span.context.span_id:016x}-01"
    assert observe.begin("x", Kind.INTERNAL, f"00-{TRACE}-{SPAN}-01").logged.keys() == {"trace_id", "span_id"}
    assert observe.begin("x", Kind.INTERNAL, f"00-{TRACE}-{SPAN}-00").logged == {"trace_id": TRACE}


def test_nothing_is_loaded_for_traces_that_are_off() -> None:
    """FastAPI loads the interface, which does nothing by itself."""
    loaded = "[name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'krai.tracing'))]"
    code = f"import sys; from krai.wiring import serve, embedded; print({loaded})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_collectors_address_holds_no_credential() -> None:
    """It is said in log lines when the collector does not answer."""
    assert Settings.model_validate({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}).otlp_endpoint == "http://collector:4318"
    with pytest.raises(ValidationError):
        Settings.model_validate({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:word@collector:4318"})
