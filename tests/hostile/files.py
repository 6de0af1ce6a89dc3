"""Files as lines of a table: what is in one, and what comes of importing it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.acceptance.krai_client import Json, KraiClient
from tests.hostile.ground import CANARY, Ground

WITHIN_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFile:
    """`CANARY` in `content` becomes a word that must not be seen again in a log or the job. `params` are those of the import.

    `fails` is the code of the failure; else `rows` are imported, and `rejects` are rejected, each by its number and code.
    """

    name: str
    content: bytes
    params: Json = field(default_factory=dict)
    fails: str | None = None
    says: str = ""  # must stand in the detail of the failure
    rows: int = 0
    rejects: Sequence[tuple[int, str]] = ()
    exported: bytes | None = None  # what an export of the dataset gives


def import_all(ground: Ground, files: Sequence[BadFile]) -> dict[str, list[Json]]:
    """Import them side by side, and check what came of each; the rejected rows by the names of the files."""
    client = ground.ada
    canary = ground.canary().encode()
    under_way: list[tuple[BadFile, str, str]] = []
    for file in files:
        upload_id = client.upload(file.content.replace(CANARY.encode(), canary))
        order: dict[str, Any] = {"dataset": f"bad_{secrets.token_hex(6)}", "source": {"upload_id": upload_id}, **file.params}
        under_way.append((file, order["dataset"], client.submit("imports", order)))
    for _, _, job_id in under_way:
        client.wait_until_finished(job_id, within_s=WITHIN_S)
    return {file.name: _checked(ground, client, file, dataset, job_id) for file, dataset, job_id in under_way}


def _checked(ground: Ground, client: KraiClient, file: BadFile, dataset: str, job_id: str) -> list[Json]:
    job = ground.call(client, "GET", f"/api/v1/jobs/{job_id}").json()
    errors: list[Json] = client.http.get(f"/api/v1/jobs/{job_id}/errors", params={"page_size": 1000}).json()["errors"]
    if file.fails is not None:
        assert (job["status"], (job["error"] or {}).get("code")) == ("FAILED", file.fails), (file.name, job)
        assert file.says in job["error"]["detail"]
        assert client.http.get(f"/api/v1/datasets/{dataset}").status_code == httpx.codes.NOT_FOUND
        return errors
    assert job["status"] == "COMPLETED", (file.name, job)
    result = client.result(job_id)
    assert [(error["row"], error["code"]) for error in errors] == list(file.rejects), file.name
    assert (result["records_processed"], result["records_rejected"]) == (file.rows, len(file.rejects)), file.name
    assert client.dataset(dataset)["rows"] == file.rows
    if file.exported is not None:
        assert b"".join(client.files(client.export(dataset=dataset))) == file.exported, file.name
    return errors
