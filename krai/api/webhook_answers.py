"""What krai shows of registered webhooks and of deliveries to them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field

from krai.api.answers import Answer, Link, Time
from krai.job import Callback, CallbackState, Job, format_time
from krai.webhooks import callbacks, registered
from krai.webhooks.registered import Event, Reach, Webhook, Why


class WebhookAnswer(Answer):
    """A registered webhook; its secret has a call of its own."""

    webhook_id: str
    url: Annotated[Link, Field(description="as it was registered; nobody but its owner sees it")]
    events: list[Event]
    datasets: Annotated[list[str], Field(description="only jobs on these; none: all")]
    description: str
    scope: Annotated[Reach, Field(description="own: your jobs; all: everybody's")]
    enabled: bool
    disabled_at: Time | None
    disabled_why: Annotated[
        Why | None,
        Field(description="gone: it answered 410; failing: it took nothing for five days; owner: you may not hear of these jobs any more"),
    ]
    failing_since: Annotated[Time | None, Field(description="when the first of the failures in a row was")]
    created_at: Time
    updated_at: Time

    @classmethod
    def of(cls, webhook: Webhook) -> Self:
        return cls(
            webhook_id=webhook.webhook_id,
            url=webhook.url,
            events=list(webhook.events),
            datasets=list(webhook.datasets),
            description=webhook.description,
            scope=webhook.scope,
            enabled=webhook.disabled_at is None,
            disabled_at=_time(webhook.disabled_at),
            disabled_why=webhook.disabled_why,
            failing_since=_time(webhook.failing_since),
            created_at=format_time(webhook.created_at),
            updated_at=format_time(webhook.updated_at),
        )


class WebhookList(Answer):
    webhooks: list[WebhookAnswer]


class DeliveryAnswer(Answer):
    """The message of a job's end to one webhook, and what came of it."""

    delivery_id: Annotated[str, Field(description="the `webhook-id` of the message")]
    job_id: str
    dataset: str
    event: Event
    state: Annotated[CallbackState, Field(description="failed: tried as often as it is tried; disabled: the webhook is")]
    attempts: int
    last_status: Annotated[int | None, Field(description="HTTP status of the last answer")]
    last_error: Annotated[str | None, Field(description="why the last attempt failed: a code under `/problems`")]
    created_at: Annotated[Time, Field(description="when the job ended")]
    last_at: Annotated[Time | None, Field(description="when the last attempt began")]
    next_at: Annotated[Time | None, Field(description="when it is tried next")]

    @classmethod
    def of(cls, job: Job, delivery: Callback) -> Self:
        return cls(
            delivery_id=callbacks.message_id(job),
            job_id=job.job_id,
            dataset=job.dataset,
            event=registered.event_of(job),
            state=delivery.state,
            attempts=delivery.attempts,
            last_status=delivery.last_status,
            last_error=delivery.last_error,
            created_at=format_time(job.finished_at or job.created_at),
            last_at=_time(delivery.last_at),
            next_at=_time(delivery.next_at),
        )


class DeliveryList(Answer):
    """Newest first; each is kept as long as its job."""

    deliveries: list[DeliveryAnswer]
    next_page_token: str | None


class WebhookTest(Answer):
    """What the receiver has said to a test."""

    message_id: Annotated[str, Field(description="the `webhook-id` of the message")]
    delivered: Annotated[bool, Field(description="it answered with 2xx")]
    status: Annotated[int | None, Field(description="HTTP status of its answer, null when there was none")]
    error: Annotated[str | None, Field(description="why it was not taken: a code under `/problems`")]
    duration_ms: int


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)
