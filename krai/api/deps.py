"""What every route needs, as FastAPI dependencies."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Path as InPath
from starlette.requests import HTTPConnection

from krai import steer
from krai.access import Principal, Scope
from krai.admission import Admission
from krai.api.address import base_url
from krai.api.auth import authenticate
from krai.api.lasting import Callers, Lasting
from krai.api.limits import RateLimit
from krai.api.quotas import Quotas
from krai.feed import Feed
from krai.identity.sign_in import SignIn
from krai.job import Job
from krai.outbound.connect import Outbound
from krai.ports import Stores
from krai.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What one API process has.

    `creates` counts the requests that make a job, an upload or a key, `reads` all others. `sign_in` is None where no issuer is known.

    `stopping` is set when the process is asked to end: whoever waits for a job stops waiting. `patience_s` is how long a body may
    take to arrive, and how long a client that sends a file may be silent. `manifest_keys` are public ones, as JWKs. `outbound` is the way
    to webhooks, of which `tests` lets some be tried out at a time. `dashboard` is the folder of a built one.
    """

    settings: Settings
    stores: Stores
    admission: Admission
    creates: RateLimit
    reads: RateLimit
    quotas: Quotas
    feed: Feed
    callers: Callers
    sign_in: SignIn | None
    stopping: asyncio.Event
    patience_s: float
    manifest_keys: Sequence[dict[str, str]]
    outbound: Outbound
    tests: asyncio.Semaphore
    dashboard: Path | None


async def api_of(connection: HTTPConnection) -> Api:
    api: Api = connection.app.state.api
    return api


ApiOf = Annotated[Api, Depends(api_of)]


async def caller_of(connection: HTTPConnection) -> Principal:
    """Whoever asks for something that creates nothing. Raises what `authenticate` raises, and Terminal rate_limited."""
    caller = await authenticate(connection)
    api = await api_of(connection)
    await api.reads.take(connection.scope, caller.id)
    return caller


Caller = Annotated[Principal, Depends(caller_of)]


async def _reader(caller: Caller) -> Principal:
    caller.demand(Scope.READ)
    return caller


async def _admin(caller: Caller) -> Principal:
    caller.demand(Scope.ADMIN)
    return caller


Reader = Annotated[Principal, Depends(_reader)]
Admin = Annotated[Principal, Depends(_admin)]


async def _lasting(connection: HTTPConnection, caller: Reader, api: ApiOf) -> Lasting:
    return Lasting(api.callers, connection, caller)


Listening = Annotated[Lasting, Depends(_lasting)]
BaseUrl = Annotated[str, Depends(base_url)]
JobId = Annotated[str, InPath(description="The id of a job.", examples=["3f2a9c0e5d7b41688e1c0a9b7d6f5e43"])]


async def _own_job(job_id: JobId, caller: Reader, api: ApiOf) -> Job:
    return await steer.find(api.stores.jobs, job_id, caller.owner)


OwnJob = Annotated[Job, Depends(_own_job)]
