"""How a body comes in: one sequence, the same for every operation. `run` is it."""

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query, Request, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from krai import strict_json, submit
from krai.access import Principal
from krai.api import openapi
from krai.api.address import base_url
from krai.api.answers import Answer, JobAnswer
from krai.api.auth import authenticate
from krai.api.deps import Api, api_of
from krai.api.fields import validate
from krai.errors import Terminal
from krai.job import Callback, Job, new_id
from krai.ports import IdempotencyRecord

M = TypeVar("M", bound=BaseModel)

KIB = 1024
BODY_BYTES = 64 * KIB
KEY_KEPT = timedelta(hours=24)
LONGEST_KEY = 255
PRINTABLE = re.compile(rb"[\x20-\x7e]*")
QUOTED = re.compile(rb'"((?:[^"\\]|\\["\\])*)"')
IN_A_THREAD_BYTES = 64 * KIB  # reading more than this would be felt by the other requests


@dataclass(frozen=True, slots=True)
class Seal:
    """What an Idempotency-Key stands for: `scope` says whose key it is and for what, `fingerprint` what was asked with it."""

    scope: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Intake(Generic[M]):
    """A request that was read and found sound."""

    api: Api
    caller: Principal
    body: M
    base_url: str
    seal: Seal | None
    scope: Scope


Work = Callable[[Intake[M]], Awaitable[Response]]
ValidateOnly = Annotated[
    bool,
    Query(
        description="Only say whether the request is sound, by 200 or by the problem it would get; quotas are not looked at. It counts as a"
        " read and makes nothing; an Idempotency-Key stays free for the request itself."
    ),
]


class Sound(Answer):
    valid: Literal[True] = True


VALID = openapi.gives(200, Sound, "With `validate_only`: the request would be accepted", {"valid": True})


async def run(
    request: Request, model: type[M], work: Work[M], *, cap_bytes: int = BODY_BYTES, creates: bool = True, repeatable: bool = True
) -> Response:
    """Read the request as a `model` and answer with what `work` makes of it. `creates`: it counts as a create, and otherwise as a read.

    `repeatable`: a caller's key brings the first answer again. An answer that holds a secret must not be kept for that.
    """
    api = await api_of(request)
    caller = await authenticate(request)
    if not creates:
        await api.reads.take(request.scope, caller.id)
    body = await _read(request, cap_bytes, api.patience_s)
    seal = _seal(request, caller, body)
    if seal is not None and not repeatable:
        raise Terminal("invalid_idempotency_key", "This call takes no Idempotency-Key.")
    if seal is not None and (earlier := await api.stores.jobs.recall(seal.scope)) is not None:
        if creates:
            await api.creates.look(request.scope, caller.id)
        return replay(earlier, seal)
    if creates:
        await api.creates.take(request.scope, caller.id)
    return await work(await _taken(request, caller, model, body, seal))


async def check(
    request: Request, model: type[M], prepare: Callable[[Intake[M]], Awaitable[object]], *, cap_bytes: int = BODY_BYTES
) -> Response:
    """As `run`, for the problems alone: `prepare` raises them, and makes nothing. A caller's key is left for the request itself."""
    api = await api_of(request)
    caller = await authenticate(request)
    await api.reads.take(request.scope, caller.id)
    body = await _read(request, cap_bytes, api.patience_s)
    _seal(request, caller, body)
    await prepare(await _taken(request, caller, model, body, None))
    return Response(Sound().model_dump_json(), media_type="application/json")


def callback(taken: Intake[Any], url: str | None) -> Callback | None:
    """Raises Terminal callbacks_off, webhook_blocked."""
    return submit.callback(url, taken.base_url, allowed=taken.api.settings.callbacks == "on")


async def accept(taken: Intake[Any], job: Job) -> Response:
    """Write the job, with the answer under the caller's key, and answer 202. Raises Terminal quota_exceeded."""
    job = await taken.api.quotas.take(taken.scope, replace(job, traceparent=taken.scope["traceparent"]))
    view = JobAnswer.of(job, taken.base_url)
    answer = {"status": 202, "headers": {"location": view.links.self, "retry-after": "1"}, "body": view.model_dump_json()}
    earlier = await submit.accept(taken.api.stores, job, sealed(taken, answer))
    taken.api.quotas.look_after(job)
    if earlier is not None and taken.seal is not None:
        return replay(earlier, taken.seal)
    return _response(answer)


async def new_id_of(taken: Intake[Any]) -> str:
    """The id for what the request makes, the same however often, and by however many at once, it is sent under the caller's key.

    For what is made by another write than the one that keeps the answer. Raises Terminal idempotency_mismatch.
    """
    made = new_id()
    record = sealed(taken, {"id": made})
    if record is None:
        return made
    scope = hashlib.sha256(f"id {record.scope}".encode()).hexdigest()
    earlier = await taken.api.stores.jobs.remember(replace(record, scope=scope))
    if earlier is None:
        return made
    if earlier.fingerprint != record.fingerprint:
        raise Terminal("idempotency_mismatch")
    return str(earlier.answer["id"])


async def remember(taken: Intake[Any], answer: dict[str, Any]) -> Response:
    """Keep an answer that made no job under the caller's key, and give it."""
    record = sealed(taken, answer)
    earlier = await taken.api.stores.jobs.remember(record) if record is not None else None
    if earlier is not None and taken.seal is not None:
        return replay(earlier, taken.seal)
    return _response(answer)


def sealed(taken: Intake[Any], answer: dict[str, Any]) -> IdempotencyRecord | None:
    if taken.seal is None:
        return None
    expires_at = taken.api.stores.jobs.now() + KEY_KEPT
    return IdempotencyRecord(scope=taken.seal.scope, fingerprint=taken.seal.fingerprint, answer=answer, expires_at=expires_at)


def replay(earlier: IdempotencyRecord, seal: Seal) -> Response:
    """The first answer once more. Raises Terminal idempotency_mismatch."""
    if earlier.fingerprint != seal.fingerprint:
        raise Terminal("idempotency_mismatch")
    return _response(earlier.answer)


def _response(answer: dict[str, Any]) -> Response:
    return Response(answer["body"], answer["status"], answer["headers"], media_type="application/json")


def _check_media_type(request: Request) -> None:
    """A body must say that it is JSON; no body needs no type."""
    types = request.headers.getlist("content-type")
    empty = request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers
    if not types and empty:
        return
    kind, _, parameter = (types[0] if len(types) == 1 else "").lower().partition(";")
    charset = parameter.strip().replace('"', "")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if kind.strip() != "application/json" or charset not in {"", "charset=utf-8"} or encoding != "identity":
        raise Terminal("unsupported_media_type")


async def _read(request: Request, cap_bytes: int, patience_s: float) -> bytes:
    """The body, of which no more than `cap_bytes` are ever held. Raises Terminal unsupported_media_type, too_large, request_timeout."""
    _check_media_type(request)
    promised = request.headers.get("content-length", "0")
    if not promised.isdecimal() or int(promised[:20]) > cap_bytes:
        raise Terminal("too_large")
    body = bytearray()
    try:
        async with asyncio.timeout(patience_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > cap_bytes:
                    raise Terminal("too_large")
    except (TimeoutError, ClientDisconnect):
        raise Terminal("request_timeout") from None
    return bytes(body)


def _seal(request: Request, caller: Principal, body: bytes) -> Seal | None:
    """Raises Terminal invalid_idempotency_key."""
    keys = [value for name, value in request.scope["headers"] if name == b"idempotency-key"]
    if not keys:
        return None
    key = keys[0].strip()
    if key.startswith(b'"'):
        quoted = QUOTED.fullmatch(key)
        key = re.sub(rb"\\(.)", rb"\1", quoted.group(1)) if quoted else b""
    if len(keys) > 1 or not 0 < len(key) <= LONGEST_KEY or not PRINTABLE.fullmatch(key):
        raise Terminal("invalid_idempotency_key")
    scope = json.dumps([caller.id, request.method, request.scope["path"], key.decode()])
    return Seal(hashlib.sha256(scope.encode()).hexdigest(), hashlib.sha256(body).hexdigest())


async def _taken(request: Request, caller: Principal, model: type[M], body: bytes, seal: Seal | None) -> Intake[M]:
    if len(body) > IN_A_THREAD_BYTES:
        form = await asyncio.to_thread(_understand, model, body)
    else:
        form = _understand(model, body)
    return Intake(await api_of(request), caller, form, await base_url(request), seal, request.scope)


def _understand(model: type[M], body: bytes) -> M:
    return validate(model, strict_json.parse(body) if body else {})
