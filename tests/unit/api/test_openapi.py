import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from krai.api import examples
from krai.api.answers import ExportResult, JobAnswer, UploadAnswer
from krai.api.change_answers import ImportResult, Rejects
from krai.api.dataset_answers import DatasetAnswer
from krai.api.exports import EXAMPLES as EXPORTS, ExportBody
from krai.api.fields import validate
from krai.api.imports import EXAMPLES as IMPORTS, ImportBody
from krai.api.webhook_answers import DeliveryAnswer, WebhookAnswer, WebhookTest
from krai.errors import PROBLEMS
from tests.unit.api.documented import undocumented
from tests.unit.api.house import House

ENDPOINTS = {
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/"),
    ("get", "/problems"),
    ("get", "/problems/{code}"),
    ("get", "/.well-known/krai-keys.json"),
    ("post", "/api/v1/exports"),
    ("post", "/api/v1/imports"),
    ("post", "/api/v1/uploads"),
    ("get", "/api/v1/jobs"),
    ("get", "/api/v1/jobs/{job_id}"),
    ("delete", "/api/v1/jobs/{job_id}"),
    ("get", "/api/v1/jobs/{job_id}/result"),
    ("get", "/api/v1/jobs/{job_id}/files"),
    ("get", "/api/v1/jobs/{job_id}/errors"),
    ("get", "/api/v1/jobs/{job_id}/events"),
    ("post", "/api/v1/jobs/{job_id}/cancel"),
    ("post", "/api/v1/jobs/{job_id}/retry"),
    ("post", "/api/v1/jobs/{job_id}/undo"),
    ("get", "/api/v1/datasets"),
    ("get", "/api/v1/datasets/{name}"),
    ("delete", "/api/v1/datasets/{name}"),
    ("get", "/login"),
    ("get", "/callback"),
    ("post", "/logout"),
    *((method, "/token") for method in ("get", "post", "put", "delete")),
    ("get", "/settings"),
    *((method, "/settings/{name}") for method in ("get", "put", "delete")),
    *((method, "/api/v1/users") for method in ("get", "put", "delete")),
    *((method, "/api/v1/grants") for method in ("get", "put", "delete")),
    ("get", "/api/v1/me"),
    ("get", "/api/v1/status"),
    ("get", "/api/v1/datasets/{name}/snapshots"),
    *((method, "/api/v1/webhooks/secret") for method in ("get", "post")),
    *((method, "/api/v1/webhooks") for method in ("get", "post")),
    *((method, "/api/v1/webhooks/{webhook_id}") for method in ("get", "put", "delete")),
    *((method, "/api/v1/webhooks/{webhook_id}/secret") for method in ("get", "post")),
    ("post", "/api/v1/webhooks/{webhook_id}/test"),
    ("get", "/api/v1/webhooks/{webhook_id}/deliveries"),
    ("post", "/api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend"),
    ("get", "/files/{path}"),
    ("put", "/uploads/{path}"),
}


@pytest.fixture
async def document(house: House) -> dict[str, Any]:
    answer = await house.client(None).get("/openapi.json")
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, by_method in document["paths"].items():
        for method, operation in by_method.items():
            yield method, path, operation


async def test_every_endpoint_is_described(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert {(method, path) for method, path, _ in operations(document)} == ENDPOINTS


async def test_every_operation_has_a_summary_and_an_example(document: dict[str, Any]) -> None:
    for method, path, operation in operations(document):
        assert operation["summary"], (method, path)
        contents = [content for answer in operation["responses"].values() for content in answer.get("content", {}).values()]
        good = [answer for status, answer in operation["responses"].items() if status.startswith(("2", "303"))]
        assert good, (method, path)
        if not {"204", "303"} & operation["responses"].keys():
            assert any("example" in content for answer in good for content in answer.get("content", {}).values()), (method, path)
        assert all("example" in content or "examples" in content for content in contents), (method, path)
        body = operation.get("requestBody", {}).get("content", {})
        assert all("example" in content or content["examples"] for content in body.values()), (method, path)
        assert (method in {"post", "put"} and path != "/logout") == bool(body), (method, path)


async def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = set(references(document))
    assert "#/components/schemas/ImportBody" in found
    for reference in found:
        name = reference.removeprefix("#/components/schemas/")
        assert name in document["components"]["schemas"], reference
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_the_api_needs_a_credential_and_nothing_else_does(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["api_key"] == {"type": "apiKey", "in": "header", "name": "x-api-key"}
    assert (schemes["id_token"]["type"], schemes["id_token"]["scheme"]) == ("http", "bearer")
    assert (schemes["session"]["in"], schemes["session"]["name"]) == ("cookie", "krai-session")
    credentials: list[dict[str, Any]] = [{"api_key": []}, {"id_token": []}, {"session": []}]
    for _, path, operation in operations(document):
        assert operation["security"] == (credentials if path.startswith(("/api/", "/settings", "/token")) else [])
        assert ("401" in operation["responses"]) == path.startswith(("/api/", "/settings", "/token"))


async def test_problems_stand_under_their_status(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, answer in operation["responses"].items():
            for code in answer.get("content", {}).get("application/problem+json", {}).get("examples", {}):
                assert str(PROBLEMS[code].status) == status, (path, code)


async def test_the_examples_are_what_krai_takes_and_gives() -> None:
    for body in EXPORTS.values():
        validate(ExportBody, body)
    for body in IMPORTS.values():
        validate(ImportBody, body)
    for job in (examples.JOB, examples.IMPORT_JOB, examples.DROP_JOB, examples.RUNNING, examples.STOPPING, examples.RETRIED):
        assert JobAnswer.model_validate(job).model_dump(mode="json") == job
    ExportResult.model_validate(examples.EXPORT_RESULT)
    ImportResult.model_validate(examples.IMPORT_RESULT)
    Rejects.model_validate(examples.REJECTS)
    DatasetAnswer.model_validate(examples.DATASET)
    UploadAnswer.model_validate(examples.UPLOAD)
    WebhookAnswer.model_validate(examples.WEBHOOK)
    WebhookTest.model_validate(examples.WEBHOOK_TEST)
    for delivery in (examples.DELIVERY, examples.RESENT):
        DeliveryAnswer.model_validate(delivery)


async def test_an_answer_that_is_not_described_is_noticed(house: House) -> None:
    request = httpx.Request("POST", "http://krai.test/api/v1/exports")

    def answer(status: int, code: str) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": "application/problem+json"}, json={"code": code}, request=request)

    assert undocumented(house.app, answer(404, "dataset_not_found")) is None
    assert undocumented(house.app, answer(404, "not_found")) == "code not_found"
    assert undocumented(house.app, answer(410, "result_expired")) == "status 410"


def test_the_api_loads_neither_arrow_nor_what_uses_it() -> None:
    check = (
        "import sys, krai.api.app\n"
        "heavy = ('pyarrow.', 'pyiceberg.', 'polars.', 'duckdb.', 'krai.formats.', 'krai.warehouse.', 'krai.transfer.', 'krai.backends.')\n"
        "print([name for name in sys.modules if f'{name}.'.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
