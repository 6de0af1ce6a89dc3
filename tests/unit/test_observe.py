"""Traces as W3C Trace Context has them, and log lines that hold no secrets."""

import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from krai import observe

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_callers_trace_goes_on_under_a_span_of_our_own() -> None:
    continued = observe.traceparent(f"00-{TRACE}-{SPAN}-01")
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", continued)
    assert SPAN not in continued
    assert observe.trace_of(continued) == {"trace_id": TRACE}


@pytest.mark.parametrize(
    "received",
    [
        None,
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
    ],
)
def test_any_other_header_begins_a_trace(received: str | None) -> None:
    begun = observe.traceparent(received)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", begun)
    assert TRACE not in begun
    assert begun != observe.traceparent(received)


def test_what_is_no_trace_is_not_logged() -> None:
    assert observe.trace_of(None) == observe.trace_of("x") == {}


@pytest.fixture
def reset() -> Iterator[None]:
    handlers, level = logging.root.handlers, logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.root.handlers = handlers
    logging.root.setLevel(level)


@pytest.mark.usefixtures("reset")
def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("text")
    secret = "the-" + "secret"
    try:
        len(secret) // 0
    except ZeroDivisionError:
        observe.log().exception("broken")
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert "the-secret" not in said


@pytest.mark.usefixtures("reset")
def test_what_libraries_say_is_a_line_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("json")
    logging.getLogger("uvicorn.error").warning("Invalid %s\nrequest", "HTTP")
    logging.getLogger("urllib3").info("not worth a line")
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["logger"], said["severity"]) == ("Invalid HTTP\nrequest", "uvicorn.error", "WARNING")


@pytest.mark.usefixtures("reset")
def test_a_warning_is_a_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("json")
    with warnings.catch_warnings():  # which puts back what shows them, too
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("soon gone", DeprecationWarning, stacklevel=1)
    assert json.loads(capsys.readouterr().err)["logger"] == "py.warnings"


SECRETS = {
    "api key": "krai_9f86d081884c7d65_" + "s" * 43 + "1a2B3c",
    "webhook secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD/w==",
    "id token": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "signature": "9f86d081884c7d659a2feaa0c55ad015",
}
PLACES: dict[str, Any] = {
    "alone": "{api key}",
    "in a text": "the key {api key}, sent twice",
    "webhook": "made {webhook secret} anew",
    "header": "authorization: Bearer {id token}",
    "opaque": "Bearer {signature}",
    "link": "https://krai.example.org/files/jobs/1/e1/a.csv?expires=1&signature={signature}",
    "v4": "/b/o?X-Goog-Algorithm=x&X-Goog-Signature={signature}&b=1",
    "session": "PUT /upload/storage/v1/b/b/o?uploadType=resumable&upload_id={signature} failed",
    "database": "postgresql://krai:{signature}@db.example.org:5432/krai",
    "libpq": "host=db.example.org password={signature} user=krai",
    "deep": {"a": ["{id token}", ("{api key}",)]},
}


@pytest.mark.usefixtures("reset")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_no_secret_gets_into_a_line(capsys: pytest.CaptureFixture[str], log_format: Any, place: str) -> None:
    filled = json.dumps(PLACES[place])
    for name, secret in SECRETS.items():
        filled = filled.replace("{" + name + "}", secret)
    value = json.loads(filled)
    observe.configure(log_format)
    observe.log().warning("said", value=value)
    observe.log().warning(str(value))
    logging.getLogger("urllib3").warning("Retrying %s", value)
    try:
        int(str(value))
    except ValueError:
        observe.log().exception("broken")
    said = capsys.readouterr().err
    assert said.count("[redacted]") >= 4
    for secret in SECRETS.values():
        assert secret not in said


@pytest.mark.usefixtures("reset")
def test_what_is_no_secret_stays(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("json")
    harmless = [
        "krai_contacts",
        "the state=done",
        "https://krai.example.org/?expires=1",
        "a bearer of news",
        "3f2a9c0e5d7b41688e1c0a9b7d6f5e43",
    ]
    observe.log().info("said", value=harmless)
    assert json.loads(capsys.readouterr().err)["value"] == harmless


@pytest.mark.usefixtures("reset")
def test_a_line_has_the_names_of_cloud_logging(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("json", project="my-project")
    observe.log(job_id="abc", **observe.trace_of(f"00-{TRACE}-{SPAN}-01")).warning("job left", status="COMPLETED", span_id=SPAN)
    said = json.loads(capsys.readouterr().err)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said.pop("time")), "RFC 3339"
    assert said == {
        "severity": "WARNING",
        "message": "job left",
        "event": "job left",
        "job_id": "abc",
        "status": "COMPLETED",
        "trace_id": TRACE,
        "span_id": SPAN,
        "logging.googleapis.com/labels": {"job_id": "abc"},
        "logging.googleapis.com/trace": f"projects/my-project/traces/{TRACE}",
        "logging.googleapis.com/spanId": SPAN,
        "logging.googleapis.com/trace_sampled": True,
    }


@pytest.mark.usefixtures("reset")
def test_a_trace_belongs_to_a_project_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    observe.configure("json")
    observe.log(**observe.trace_of(f"00-{TRACE}-{SPAN}-01")).error("broken")
    said = json.loads(capsys.readouterr().err)
    assert (said["severity"], said["trace_id"]) == ("ERROR", TRACE)
    assert not [name for name in said if name.startswith("logging.")]
