"""`GET /api/v1/status`: how much there is to do and who does it, for admins."""

from typing import Annotated, Self

from fastapi import APIRouter, Response
from pydantic import Field

import krai
from krai import workers
from krai.api import examples, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import Admin, ApiOf
from krai.job import Backlog, format_time

router = APIRouter(tags=["service"])


class QueueAnswer(Answer):
    waiting: Annotated[int, Field(description="jobs that a worker could claim now")]
    processing: Annotated[int, Field(description="jobs that some worker has")]
    oldest_age_s: Annotated[float, Field(description="how long the job that waits longest has waited")]


class WorkerAnswer(Answer):
    name: str
    version: str
    slots: Annotated[int, Field(description="jobs that it runs at once")]
    running: Annotated[int, Field(description="jobs that it had then")]
    seen_at: Annotated[Time, Field(description="when it said so, once a minute")]
    here: Annotated[bool, Field(description="false: it has not said so for so long that it has most likely died")]


class StatusAnswer(Answer):
    version: Annotated[str, Field(description="of the API")]
    queue: QueueAnswer
    workers: list[WorkerAnswer]

    @classmethod
    def of(cls, backlog: Backlog, sightings: list[WorkerAnswer], age_s: float) -> Self:
        queue = QueueAnswer(waiting=backlog.waiting, processing=backlog.processing, oldest_age_s=round(max(0.0, age_s), 1))
        return cls(version=krai.__version__, queue=queue, workers=sightings)


@router.get(
    "/api/v1/status",
    summary="Show the queue and the workers",
    responses={
        **openapi.gives(200, StatusAnswer, "What there is to do, and who does it", examples.STATUS),
        **openapi.fails(*openapi.CALL, "not_allowed"),
    },
)
async def show_status(api: ApiOf, _: Admin) -> Response:
    stores = api.stores
    backlog, found = await stores.jobs.backlog(), await workers.seen(stores.directory)
    now = stores.jobs.now()
    age_s = 0.0 if backlog.waits_since is None else (now - backlog.waits_since).total_seconds()
    sightings = [
        WorkerAnswer(
            name=one.name, version=one.version, slots=one.slots, running=one.running, seen_at=format_time(one.seen_at), here=one.here(now)
        )
        for one in found
    ]
    return Response(StatusAnswer.of(backlog, sightings, age_s).model_dump_json(), media_type="application/json")
