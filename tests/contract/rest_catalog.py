"""An Iceberg REST catalog as a process: `python -m tests.contract.rest_catalog PORT FOLDER [TOKEN]`.

It speaks as much of the protocol as pyiceberg uses for tables. Each warehouse has a catalog of pyiceberg's, in SQLite in FOLDER. Tables may
be in folders and, where STORAGE_EMULATOR_HOST leads to one, in buckets. A TOKEN is wanted with each request, and given for SECRET.
"""

import contextlib
import functools
import hashlib
import os
import sys
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path

import uvicorn
from pyarrow import fs
from pyiceberg.catalog.rest import CreateTableRequest, TableResponse
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.io import PY_IO_IMPL
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.table import CommitTableRequest, StagedTable, Table
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.typedef import IcebergBaseModel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from krai.warehouse.bucket_files import open_files
from krai.warehouse.files import LocalFileIO

SECRET = "a-clients-own"  # noqa: S105 (of nobody but tests)
PORT, FOLDER, TOKEN = (*sys.argv[1:4], "", "", "")[:3]  # none where a test loads this for its words
REFUSED = {CommitFailedException: 409, TableAlreadyExistsError: 409, NoSuchTableError: 404, FileNotFoundError: 503}
one_at_a_time = threading.Lock()


class AnyIO(LocalFileIO):
    def _initialize_gcs_fs(self) -> fs.FileSystem:
        return open_files(os.environ["STORAGE_EMULATOR_HOST"])


@functools.cache
def catalog_of(warehouse: str) -> SqlCatalog:
    file = Path(FOLDER) / hashlib.sha256(warehouse.encode()).hexdigest()
    return SqlCatalog("rest", uri=f"sqlite:///{file}?timeout=10", **{PY_IO_IMPL: f"{AnyIO.__module__}.{AnyIO.__name__}"})


class Call:
    """A request for a warehouse, and the table that its path names."""

    def __init__(self, request: Request, body: bytes) -> None:
        with one_at_a_time:
            self.catalog = catalog_of(request.path_params["prefix"])
        self.namespace: str = request.path_params.get("namespace", "")
        self.identifier = (self.namespace, request.path_params.get("table", ""))
        self.snapshots = request.query_params.get("snapshots")
        self.body = body


def answer(model: IcebergBaseModel) -> Response:
    return Response(model.model_dump_json(by_alias=True), media_type="application/json")


def problem(status: int, name: str) -> Response:
    return JSONResponse({"error": {"message": "no", "type": name, "code": status}}, status)


def is_welcome(request: Request) -> bool:
    return not TOKEN or request.headers.get("authorization") == f"Bearer {TOKEN}"


def route(path: str, method: str, does: Callable[[Call], Response]) -> Route:
    def work(request: Request, body: bytes) -> Response:
        try:
            return does(Call(request, body))
        except tuple(REFUSED) as error:
            return problem(REFUSED[type(error)], type(error).__name__)

    async def endpoint(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(work, request, body) if is_welcome(request) else problem(401, "NotAuthorizedException")

    return Route(f"/v1/{{prefix}}/namespaces{path}", endpoint, methods=[method])


async def config(request: Request) -> Response:
    if not is_welcome(request):
        return problem(401, "NotAuthorizedException")
    prefix = request.query_params["warehouse"].encode().hex()
    return JSONResponse({"defaults": {"snapshot-loading-mode": "refs"}, "overrides": {"prefix": prefix}})


async def token(request: Request) -> Response:
    form = urllib.parse.parse_qs((await request.body()).decode())
    if form.get("grant_type") != ["client_credentials"] or form.get("client_secret") != [SECRET]:
        return JSONResponse({"error": "invalid_client"}, 401)
    return JSONResponse({"access_token": TOKEN, "token_type": "bearer", "expires_in": 3600})


def create_namespace(call: Call) -> Response:
    with one_at_a_time:
        call.catalog.create_namespace_if_not_exists("krai")
    return JSONResponse({"namespace": ["krai"], "properties": {}})


def stage(call: Call) -> Response:
    """A table that is begun: nobody but its maker knows of it."""
    asked = CreateTableRequest.model_validate_json(call.body)
    assert asked.stage_create
    if not call.catalog.namespace_exists(call.namespace):
        return problem(404, "NoSuchNamespaceException")
    identifier = (call.namespace, asked.name)
    if call.catalog.table_exists(identifier):
        return problem(409, "AlreadyExistsException")
    spec, order = asked.partition_spec or UNPARTITIONED_PARTITION_SPEC, asked.write_order or UNSORTED_SORT_ORDER
    staged = call.catalog._create_staged_table(identifier, asked.table_schema, asked.location, spec, order, asked.properties)  # noqa: SLF001
    return answer(TableResponse(metadata=staged.metadata))


def load(call: Call) -> Response:
    table = call.catalog.load_table(call.identifier)
    metadata = table.metadata
    if call.snapshots == "refs":
        newest = table.current_snapshot()
        metadata = metadata.model_copy(update={"snapshots": [] if newest is None else [newest], "snapshot_log": []})
    return answer(TableResponse.model_validate({"metadata-location": table.metadata_location, "metadata": metadata}))


def commit(call: Call) -> Response:
    asked = CommitTableRequest.model_validate_json(call.body)
    with one_at_a_time:
        table: Table = StagedTable(call.identifier, None, None, None, call.catalog)  # type: ignore[arg-type]  # only its name is read
        with contextlib.suppress(NoSuchTableError):
            table = call.catalog.load_table(call.identifier)
        return answer(call.catalog.commit_table(table, asked.requirements, asked.updates))


def drop(call: Call) -> Response:
    call.catalog.drop_table(call.identifier)
    return Response(status_code=204)


app = Starlette(
    routes=[
        Route("/v1/config", config),
        Route("/v1/oauth/tokens", token, methods=["POST"]),
        route("", "POST", create_namespace),
        route("/{namespace}/tables", "POST", stage),
        route("/{namespace}/tables/{table}", "GET", load),
        route("/{namespace}/tables/{table}", "POST", commit),
        route("/{namespace}/tables/{table}", "DELETE", drop),
    ]
)

if __name__ == "__main__":
    uvicorn.run(f"{__spec__.name}:app", host="127.0.0.1", port=int(PORT), log_level="warning")
