"""What every route needs, as FastAPI dependencies."""

import asyncio
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.requests import HTTPConnection

from krai import steer
from krai.access import Principal, Scope
from krai.admission import Admission
from krai.api.auth import authenticate
from krai.api.limits import RateLimit
from krai.api.quotas import Quotas
from krai.job import Job
from krai.ports import Stores
from krai.settings import Settings

HOST = re.compile(r"[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:.]+\](:\d{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What one API process has.

    `creates` counts the requests that make a job, an upload or a key, `reads` all others.

    `stopping` is set when the process is asked to end: whoever waits for a job stops waiting. `patience_s` is how long a body may
    take to arrive, and how long a client that sends a file may be silent.
    """

    settings: Settings
    stores: Stores
    admission: Admission
    creates: RateLimit
    reads: RateLimit
    quotas: Quotas
    stopping: asyncio.Event
    patience_s: float


async def api_of(connection: HTTPConnection) -> Api:
    api: Api = connection.app.state.api
    return api


async def base_url(connection: HTTPConnection) -> str:
    """Where this request's client reaches krai, without a slash at the end."""
    api = await api_of(connection)
    if api.settings.public_url is not None:
        return api.settings.public_url.rstrip("/")
    host = connection.headers.get("host", "")
    if not HOST.fullmatch(host):
        name, port = connection.scope.get("server") or ("localhost", None)
        host = f"{name}:{port}" if port else name
    return f"{connection.scope['scheme']}://{host}"


ApiOf = Annotated[Api, Depends(api_of)]


async def _caller(request: Request) -> Principal:
    """Whoever asks for something that creates nothing."""
    caller = await authenticate(request)
    api = await api_of(request)
    await api.reads.take(request.scope, caller.id)
    return caller


Caller = Annotated[Principal, Depends(_caller)]


async def _reader(caller: Caller) -> Principal:
    caller.demand(Scope.READ)
    return caller


async def _admin(caller: Caller) -> Principal:
    caller.demand(Scope.ADMIN)
    return caller


Reader = Annotated[Principal, Depends(_reader)]
Admin = Annotated[Principal, Depends(_admin)]
BaseUrl = Annotated[str, Depends(base_url)]
JobId = Annotated[str, Path(description="The id of a job.", examples=["3f2a9c0e5d7b41688e1c0a9b7d6f5e43"])]


async def _own_job(job_id: JobId, caller: Reader, api: ApiOf) -> Job:
    return await steer.find(api.stores.jobs, job_id, caller.owner)


OwnJob = Annotated[Job, Depends(_own_job)]
