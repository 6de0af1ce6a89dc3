"""A krai API in this process, on embedded stores in a folder of its own, and what a worker would do to its jobs."""

import hashlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from krai import keys, transitions
from krai.access import DEPLOYMENT, OF_USERS, Scope
from krai.api.app import create_app
from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.directory import LocalDirectory
from krai.backends.local.jobs import LocalJobStore
from krai.backends.local.queue import LocalJobQueue
from krai.dataset import Column, Dataset
from krai.errors import Terminal
from krai.identity.tokens import Tokens
from krai.job import Job, Progress
from krai.outbound.connect import Outbound
from krai.ports import Blob, Stores
from krai.settings import Settings
from scripts.unlimited import UNLIMITED
from tests.unit.api.documented import undocumented

KEY = "the-key-of-the-deployment"
ADA, BOB = (keys.compose(f"{name:0>16}", "s" * keys.SECRET_LETTERS) for name in ("ada", "b0b"))
USERS = (Column(name="id", type="int64", nullable=False), Column(name="email", type="string"))
KEEP_S = 3600.0


@dataclass(frozen=True)
class House:
    app: FastAPI
    stores: Stores
    http: httpx.AsyncClient  # with the key of the deployment

    def client(self, key: str | None, **headers: str) -> httpx.AsyncClient:
        """Another client; None: without a credential. Every answer it gets must be a documented one."""
        return client_of(self.app, key, **headers)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/v1/{path}", json=body, headers=headers)

    async def submit(self, **body: Any) -> str:
        """The id of an accepted export of `users`."""
        answer = await self.post("exports", {"dataset": "users", **body})
        assert answer.status_code == httpx.codes.ACCEPTED, answer.text
        return str(answer.json()["job_id"])

    async def job(self, job_id: str) -> Job:
        job = await self.stores.jobs.get(job_id)
        assert job is not None
        return job

    async def claim(self, job_id: str) -> Job:
        """The job as a worker has it after its claim."""
        jobs = self.stores.jobs
        job = await self.job(job_id)
        return await jobs.swap(job, transitions.claim(job, "worker-of-a-test/1", jobs.now(), 30))

    async def advance(self, job_id: str, **progress: Any) -> Job:
        jobs = self.stores.jobs
        job = await self.job(job_id)
        return await jobs.swap(job, transitions.beat(job, jobs.now(), 30, Progress(**progress)))

    async def complete(self, job_id: str, result: dict[str, Any], *, keep_s: float = KEEP_S) -> Job:
        await self.claim(job_id)
        return await self.end(job_id, result, keep_s=keep_s)

    async def end(self, job_id: str, result: dict[str, Any], *, keep_s: float = KEEP_S) -> Job:
        """Complete a job that was claimed."""
        jobs = self.stores.jobs
        job = await self.job(job_id)
        return await jobs.swap(job, transitions.complete(job, result, job.progress, jobs.now(), keep_s=keep_s))

    async def fail(self, job_id: str, code: str = "corrupt_file", result: dict[str, Any] | None = None) -> Job:
        jobs = self.stores.jobs
        job = await self.claim(job_id)
        return await jobs.swap(job, transitions.fail(job, Terminal(code, result=result), jobs.now(), keep_s=KEEP_S))

    async def store(self, path: str, content: bytes) -> Blob:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "content"
            file.write_bytes(content)
            return self.stores.blobs.put(path, file)


def client_of(app: FastAPI, key: str | None, **headers: str) -> httpx.AsyncClient:
    async def check(response: httpx.Response) -> None:
        if response.headers.get("content-type", "").startswith("application/"):
            await response.aread()
        assert undocumented(app, response) is None, f"{response.request.method} {response.request.url.path}: {undocumented(app, response)}"
        assert response.headers["x-request-id"]

    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://krai.test",
        headers={**({"x-api-key": key} if key else {}), **headers},
        event_hooks={"response": [check]},
    )


@asynccontextmanager
async def open_house(
    folder: Path,
    *,
    tokens: Tokens | None = None,
    manifest_keys: Sequence[dict[str, str]] = (),
    outbound: Outbound | None = None,
    dashboard: Path | None = None,
    **settings: Any,
) -> AsyncIterator[House]:
    """`settings` by their names in the environment."""
    stores = Stores(
        jobs=LocalJobStore(folder / "jobs.sqlite"),
        queue=LocalJobQueue(folder / "queue.sqlite"),
        blobs=LocalBlobStore(folder / "blobs", b"k" * 32),
        directory=LocalDirectory(folder / "directory.sqlite"),
    )
    await stores.jobs.put_dataset(
        Dataset(name="users", columns=USERS, rows=3, bytes=99, snapshot_id="9007199254740993", updated_at=stores.jobs.now())
    )
    chosen = Settings(**{"API_KEY": KEY, **UNLIMITED, **settings})
    for text in (ADA, BOB):
        await put_key(stores, text)
    app = create_app(chosen, stores, tokens=tokens, manifest_keys=manifest_keys, outbound=outbound, dashboard=dashboard)
    try:
        async with client_of(app, KEY) as http:
            yield House(app, stores, http)
    finally:
        await stores.jobs.close()
        await stores.queue.close()
        await stores.directory.close()


async def put_key(stores: Stores, text: str, scopes: frozenset[Scope] = OF_USERS, **fields: Any) -> None:
    """Keep a key of this text, as `keys.make` would have."""
    now, digest = stores.jobs.now(), hashlib.sha256(text.encode()).hexdigest()
    key_id = text.split("_")[1]
    key = keys.Key(
        key_id=key_id,
        name="of a test",
        owner=DEPLOYMENT,
        email=None,
        scopes=scopes,
        created_at=now,
        expires_at=None,
        last_used_at=now,
        secrets=(keys.Secret(sha256=digest),),
    )
    await stores.directory.put(keys.COLLECTION, key_id, replace(key, **fields).to_doc())


def problem(response: httpx.Response, status: int) -> str:
    """The code of an answer that must be a problem with this status, in the one shape all problems have."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (
        {"type", "title", "status", "detail", "instance", "code", "request_id"}
        <= body.keys()
        <= {*("type", "title", "status", "detail", "instance", "code", "request_id", "errors")}
    )
    assert (body["status"], body["type"]) == (status, f"/problems/{body['code']}")
    assert body["request_id"] == response.headers["x-request-id"]
    return str(body["code"])


def pointers(response: httpx.Response) -> dict[str, str]:
    """Pointer → code of the fields that a 422 names."""
    return {error["pointer"]: error["code"] for error in response.json()["errors"]}
