"""`/api/v1/webhooks/{webhook_id}/…`: what was sent to a webhook, sending it again, and trying the webhook out."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from krai.api import examples, intake, openapi
from krai.api.deps import ApiOf, Caller
from krai.api.intake import Intake
from krai.api.jobs import LARGEST_PAGE, NoBody
from krai.api.webhook_answers import DeliveryAnswer, DeliveryList, WebhookTest
from krai.api.webhooks import ONE, WebhookId, own
from krai.errors import Conflict, Terminal, Transient
from krai.job import Callback, Job, new_id
from krai.ports import JobStore
from krai.webhooks import callbacks, signing_secrets
from krai.webhooks.call import Message, send

router = APIRouter(tags=["webhooks"], prefix=f"/api/v1/webhooks{ONE}")
JSON = "application/json"
TRIES = 5
TEST_EVENT = "webhook.test"

DeliveryId = Annotated[str, Path(description="The id of a delivery.", examples=[examples.DELIVERY["delivery_id"]])]


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    page_size: Annotated[int, Field(ge=1, description="more than 100 is taken as 100")] = 50
    page_token: Annotated[str | None, Field(max_length=1024, description="next_page_token of the page before")] = None


@router.get(
    "/deliveries",
    summary="List what was sent to a webhook",
    description="Newest first: one delivery for each job whose end the webhook wanted to hear of. It is kept as long as its job.",
    responses={
        **openapi.gives(200, DeliveryList, "A page of deliveries", {"deliveries": [examples.DELIVERY], "next_page_token": None}),
        **openapi.fails(*openapi.CALL, "invalid_argument", "invalid_page_token", "not_found"),
    },
)
async def list_deliveries(query: Annotated[PageQuery, Query()], webhook_id: WebhookId, caller: Caller, api: ApiOf) -> Response:
    webhook = await own(api, caller, webhook_id)
    size = min(query.page_size, LARGEST_PAGE)
    page = await api.stores.jobs.delivered(webhook.webhook_id, page_size=size, after=query.page_token)
    told = [(job, delivery) for job in page.jobs if (delivery := _to(webhook.webhook_id, job)) is not None]
    listed = DeliveryList(deliveries=[DeliveryAnswer.of(job, delivery) for job, delivery in told], next_page_token=page.next_page)
    return Response(listed.model_dump_json(), media_type=JSON)


@router.post(
    "/deliveries/{delivery_id}/resend",
    summary="Send a delivery again",
    description="Within seconds, under the same `webhook-id`, and with as many attempts as a new one.",
    status_code=202,
    responses={
        **openapi.gives(202, DeliveryAnswer, "The delivery", examples.RESENT),
        **openapi.fails(*openapi.CALL, *openapi.POST, "not_found", "webhook_disabled"),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False),
)
async def resend_delivery(webhook_id: WebhookId, delivery_id: DeliveryId, request: Request) -> Response:
    async def work(taken: Intake[NoBody]) -> Response:
        webhook = await own(taken.api, taken.caller, webhook_id)
        if webhook.disabled_at is not None:
            raise Terminal("webhook_disabled")
        job, delivery = await _resend(taken.api.stores.jobs, webhook.webhook_id, delivery_id)
        return await intake.remember(taken, {"status": 202, "headers": {}, "body": DeliveryAnswer.of(job, delivery).model_dump_json()})

    return await intake.run(request, NoBody, work, creates=False)


@router.post(
    "/test",
    summary="Try a webhook out",
    description="Sends a message of the type `webhook.test` now, also to a webhook that is disabled, and answers what the receiver has"
    " said; that takes up to 15 seconds. It is not repeated, and stands in no log.",
    responses={
        **openapi.gives(200, WebhookTest, "What came of it", examples.WEBHOOK_TEST),
        **openapi.fails(*openapi.CALL, *openapi.BODY, "callbacks_off", "not_found"),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False, repeatable=False),
)
async def test_webhook(webhook_id: WebhookId, request: Request) -> Response:
    async def work(taken: Intake[NoBody]) -> Response:
        api, webhook = taken.api, await own(taken.api, taken.caller, webhook_id)
        if api.settings.callbacks == "off":
            raise Terminal("callbacks_off")
        now = api.stores.jobs.now()
        message = Message(message_id=f"msg_{new_id()}_test", type=TEST_EVENT, timestamp=now, data={"webhook_id": webhook.webhook_id})
        signed_with = await signing_secrets.of_webhook(api.stores.directory, webhook.webhook_id, now)
        async with api.tests:
            began_at = time.monotonic()
            answer = await send(message, webhook.url, signed_with, outbound=api.outbound, now=now)
        view = WebhookTest(
            message_id=message.message_id,
            delivered=answer.error is None,
            status=answer.status,
            error=answer.error,
            duration_ms=round((time.monotonic() - began_at) * 1000),
        )
        return Response(view.model_dump_json(), media_type=JSON)

    return await intake.run(request, NoBody, work, repeatable=False)


async def _resend(jobs: JobStore, webhook_id: str, delivery_id: str) -> tuple[Job, Callback]:
    job_id = delivery_id.removeprefix("msg_").partition("_")[0]
    for _ in range(TRIES):
        job = await jobs.get(job_id)
        if job is None or callbacks.message_id(job) != delivery_id or _to(webhook_id, job) is None:
            raise Terminal("not_found")
        try:
            job = await jobs.swap(job, callbacks.resend(job, webhook_id, jobs.now()))
        except Conflict:
            continue
        if (delivery := _to(webhook_id, job)) is not None:
            return job, delivery
    raise Transient("store_busy", retry_after_s=1)


def _to(webhook_id: str, job: Job) -> Callback | None:
    return next((delivery for delivery in job.deliveries if delivery.webhook_id == webhook_id), None)
