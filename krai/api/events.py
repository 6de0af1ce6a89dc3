"""`GET /api/v1/jobs/{id}/events`: a job as Server-Sent Events, until it has finished."""

import contextlib
import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from krai.api import examples, openapi, watch
from krai.api.answers import JobAnswer
from krai.api.deps import ApiOf, BaseUrl, Caller, Listening, OwnJob

router = APIRouter(tags=["jobs"])
EVENT_ID = re.compile(r"\d{1,18}", re.ASCII)
EXAMPLE = f"event: job\nid: 4\ndata: {JobAnswer.model_validate(examples.RUNNING).model_dump_json()}\n\n"


@router.get(
    "/api/v1/jobs/{job_id}/events",  # noqa: FAST003 - OwnJob takes it
    summary="Follow a job",
    description="`event: job` with the job as `data:` at once and whenever it changes; `id:` grows. A comment at least every 15 s."
    " Ends after the last state, and when krai stops: connect again with `Last-Event-ID`.",
    response_class=EventSourceResponse,
    responses={
        200: {"description": "The states of the job", "content": {"text/event-stream": {"example": EXAMPLE}}},
        **openapi.fails(*openapi.CALL, "not_found"),
    },
)
async def follow_job(
    lasting: Listening,
    job: OwnJob,
    caller: Caller,
    api: ApiOf,
    base_url: BaseUrl,
    *,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    seen = int(last_event_id) if last_event_id and EVENT_ID.fullmatch(last_event_id) else None
    async with contextlib.aclosing(watch.states(api, job, seen)) as states:
        async for state in states:
            if not await lasting.still():
                return
            if state is None:
                yield ServerSentEvent(comment="still here")
            else:
                data = JobAnswer.of(state, base_url, admin=caller.admin).model_dump_json()
                yield ServerSentEvent(event="job", id=str(state.revision), raw_data=data)
