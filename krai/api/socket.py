"""`GET /ws`: the changes of all jobs that the caller may see, over one WebSocket (RFC 6455)."""

import asyncio
import json

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketState

from krai.access import Principal, Scope
from krai.api import problems
from krai.api.address import base_url
from krai.api.answers import JobAnswer
from krai.api.deps import Api, api_of, caller_of
from krai.api.lasting import Lasting
from krai.errors import KraiError, Transient
from krai.feed import Listener, TooSlow

router = APIRouter()
TICK_S = 1.0  # so long krai looks at nothing but changes
# RFC 6455, 7.4.1, and the registry of IANA.
GOING_AWAY, POLICY_VIOLATION, TRY_AGAIN_LATER = 1001, 1008, 1013


@router.websocket("/ws")
async def follow_jobs(socket: WebSocket) -> None:
    """Who may not is told so by an answer of HTTP, before there is a WebSocket."""
    api = await api_of(socket)
    try:
        caller = await caller_of(socket)
        caller.demand(Scope.READ)
    except KraiError as refused:
        await socket.send_denial_response(problems.render(refused, socket.scope))
        return
    await socket.accept()
    hearing = asyncio.create_task(_until_gone(socket))
    code = TRY_AGAIN_LATER
    try:
        async with api.feed.listen(owner=caller.owner) as listener:
            code = await _tell(socket, api, caller, listener, hearing)
    except Transient:
        pass  # whoever tries again later learns why
    finally:
        hearing.cancel()
        await asyncio.wait({hearing})
    if socket.application_state is WebSocketState.CONNECTED and socket.client_state is WebSocketState.CONNECTED:
        await socket.close(code)


async def _tell(socket: WebSocket, api: Api, caller: Principal, listener: Listener, hearing: asyncio.Task[None]) -> int:
    """Send every change, until there is a reason to close."""
    here, lasting = await base_url(socket), Lasting(api.callers, socket, caller)
    while not (hearing.done() or listener.over):
        try:
            job = await listener.next(TICK_S)
        except TooSlow:
            return TRY_AGAIN_LATER
        if not await lasting.still():
            return POLICY_VIOLATION
        if job is not None and not job.deleted:
            data = JobAnswer.of(job, here, admin=caller.admin).model_dump(mode="json")
            event = {"event": "job", "id": str(job.revision), "data": data}
            await socket.send_text(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
    return GOING_AWAY


async def _until_gone(socket: WebSocket) -> None:
    """What a client says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
