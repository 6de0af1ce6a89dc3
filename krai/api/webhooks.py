"""`/api/v1/webhooks`: places that are told of the ends of jobs, registered by whoever wants to know."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response
from pydantic import AfterValidator, Field
from starlette.convertors import Convertor, register_url_convertor

from krai import submit
from krai.access import Principal, Scope
from krai.api import examples, intake, openapi
from krai.api.deps import Api, ApiOf, Caller
from krai.api.fields import Body, DatasetName, Description, unique
from krai.api.intake import Intake
from krai.api.jobs import NoBody
from krai.api.webhook_answers import WebhookAnswer, WebhookList
from krai.api.webhook_secrets import ASKING_FOR_JOBS, SecretAnswer
from krai.outbound import urls
from krai.webhooks import registered, signing_secrets
from krai.webhooks.registered import Event, Reach, Webhook

router = APIRouter(tags=["webhooks"], prefix="/api/v1/webhooks")
JSON = "application/json"
MOST_DATASETS = 100


class _WebhookIds(Convertor[str]):
    """In an address, so that `/secret` is none of them."""

    regex = "[0-9a-f]{32}"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("webhook", _WebhookIds())
ONE = "/{webhook_id:webhook}"
WebhookId = Annotated[
    str,
    Path(
        description="The id of a webhook.",
        json_schema_extra={"pattern": f"^{_WebhookIds.regex}$"},
        examples=[examples.WEBHOOK["webhook_id"]],
    ),
]
EventName = Literal["job.completed", "job.failed", "job.cancelled"]
EVERY_EVENT: list[EventName] = ["job.completed", "job.failed", "job.cancelled"]


class WebhookChange(Body):
    """The webhook as it shall be; what is left out is as in a new one."""

    url: Annotated[
        str,
        Field(
            json_schema_extra={"format": "uri", "pattern": "^https://", "maxLength": urls.LONGEST_BYTES},
            description="On the public internet. It gets a POST as Standard Webhooks has it, of `{type, timestamp, data}`, where `data` is"
            " the job; tried for three days until the answer is 2xx. 410 disables the webhook, redirects are not followed.",
            examples=["https://hooks.example.org/krai"],
        ),
    ]
    events: Annotated[
        list[EventName],
        Field(
            min_length=1,
            default_factory=lambda: list(EVERY_EVENT),
            description="Of which ends of jobs it is told.",
            json_schema_extra={"uniqueItems": True, "default": list(EVERY_EVENT)},
        ),
        AfterValidator(unique),
    ]
    datasets: Annotated[
        list[DatasetName],
        Field(
            max_length=MOST_DATASETS,
            default_factory=list,
            description="Only of jobs on these; none: of all.",
            json_schema_extra={"uniqueItems": True, "default": []},
        ),
        AfterValidator(unique),
    ]
    description: Description = ""
    enabled: Annotated[bool, Field(description="false: it is told of nothing until it is true again.")] = True


class WebhookBody(WebhookChange):
    """The webhook that is wanted."""

    scope: Annotated[Literal["own", "all"], Field(description="own: your jobs; all: everybody's, for admins.")] = "own"


@router.get(
    "",
    summary="List your webhooks",
    responses={
        **openapi.gives(200, WebhookList, "Oldest first", {"webhooks": [examples.WEBHOOK]}),
        **openapi.fails(*openapi.CALL),
    },
)
async def list_webhooks(caller: Caller, api: ApiOf) -> Response:
    caller.demand(*ASKING_FOR_JOBS)
    found = await registered.of(api.stores.directory, caller.id)
    return Response(WebhookList(webhooks=[WebhookAnswer.of(webhook) for webhook in found]).model_dump_json(), media_type=JSON)


@router.post(
    "",
    summary="Register a webhook",
    description="It is told of the ends of all your jobs from now on, also of those that run already. A caller has at most 20. Its secret,"
    " with which its messages are signed, is at `/api/v1/webhooks/{webhook_id}/secret`.",
    status_code=201,
    responses={
        **openapi.gives(201, WebhookAnswer, "The webhook", examples.WEBHOOK, openapi.location("the webhook")),
        **openapi.fails(*openapi.CALL, *openapi.POST, *openapi.CALLBACK, "invalid_dataset", "too_many_webhooks"),
    },
    openapi_extra=openapi.takes(
        WebhookBody,
        {
            "all of your jobs": {"url": "https://hooks.example.org/krai"},
            "what fails": {"url": "https://hooks.example.org/alarm", "events": ["job.failed"], "datasets": ["orders"]},
        },
    ),
)
async def register_webhook(request: Request) -> Response:
    return await intake.run(request, WebhookBody, _register)


async def _register(taken: Intake[WebhookBody]) -> Response:
    caller, body, now = taken.caller, taken.body, taken.api.stores.jobs.now()
    scope = Reach(body.scope)
    caller.demand(*((Scope.ADMIN,) if scope is Reach.ALL else ASKING_FOR_JOBS))
    said = _said(taken.api, body)
    webhook = Webhook(
        webhook_id=await intake.new_id_of(taken),
        owner=caller.id,
        email=caller.email,
        base_url=taken.base_url,
        scope=scope,
        created_at=now,
        updated_at=now,
        disabled_at=None if body.enabled else now,
        **said,
    )
    webhook = await registered.add(taken.api.stores.directory, webhook)
    location = f"{taken.base_url}{router.prefix}/{webhook.webhook_id}"
    return await intake.remember(
        taken, {"status": 201, "headers": {"location": location}, "body": WebhookAnswer.of(webhook).model_dump_json()}
    )


def _said(api: Api, body: WebhookChange) -> dict[str, Any]:
    """Raises Terminal callbacks_off, webhook_blocked."""
    submit.check_callback(body.url, "/url", allowed=api.settings.callbacks == "on")
    return {
        "url": body.url,
        "events": tuple(Event(event) for event in EVERY_EVENT if event in body.events),
        "datasets": tuple(body.datasets),
        "description": body.description,
    }


@router.get(
    ONE,
    summary="Show a webhook",
    responses={**openapi.gives(200, WebhookAnswer, "The webhook", examples.WEBHOOK), **openapi.fails(*openapi.CALL, "not_found")},
)
async def show_webhook(webhook_id: WebhookId, caller: Caller, api: ApiOf) -> Response:
    return _shown(await own(api, caller, webhook_id))


@router.put(
    ONE,
    summary="Change a webhook",
    description="What krai has disabled is enabled again. Messages that are still to be tried go to the new URL.",
    responses={
        **openapi.gives(200, WebhookAnswer, "The webhook", examples.WEBHOOK),
        **openapi.fails(*openapi.CALL, *openapi.BODY, *openapi.CALLBACK, "invalid_dataset", "not_found"),
    },
    openapi_extra=openapi.takes(WebhookChange, {"another place": {"url": "https://hooks.example.org/new"}}, repeatable=False),
)
async def change_webhook(webhook_id: WebhookId, request: Request) -> Response:
    async def work(taken: Intake[WebhookChange]) -> Response:
        webhook, now = await own(taken.api, taken.caller, webhook_id), taken.api.stores.jobs.now()
        said, enabled = _said(taken.api, taken.body), taken.body.enabled

        def step(there: Webhook) -> Webhook:
            # One that is to stay disabled keeps the reason.
            disabled = (None, None) if enabled else (there.disabled_at or now, there.disabled_why)
            failing_since = None if enabled and there.disabled_at else there.failing_since
            changed = replace(there, **said, updated_at=now, failing_since=failing_since)
            return replace(changed, disabled_at=disabled[0], disabled_why=disabled[1])

        return _shown(await registered.change(taken.api.stores.directory, webhook, step))

    return await intake.run(request, WebhookChange, work, creates=False, repeatable=False)


@router.delete(
    ONE,
    summary="Remove a webhook",
    description="It is told of nothing more, and its log is gone.",
    status_code=204,
    responses={204: {"description": "Removed"}, **openapi.fails(*openapi.CALL, "not_found")},
)
async def remove_webhook(webhook_id: WebhookId, caller: Caller, api: ApiOf) -> Response:
    webhook = await own(api, caller, webhook_id)
    await registered.remove(api.stores.directory, webhook)
    await signing_secrets.forget_webhook(api.stores.directory, webhook_id)
    return Response(status_code=204)


@router.get(
    f"{ONE}/secret",
    summary="Show the secret of a webhook",
    description="Made when it is first needed.",
    responses={
        **openapi.gives(200, SecretAnswer, "The secret", examples.WEBHOOK_SECRET),
        **openapi.fails(*openapi.CALL, "not_found"),
    },
)
async def show_secret_of_webhook(webhook_id: WebhookId, caller: Caller, api: ApiOf) -> Response:
    webhook = await own(api, caller, webhook_id)
    found = await signing_secrets.of_webhook(api.stores.directory, webhook.webhook_id, api.stores.jobs.now())
    return Response(SecretAnswer.of(found).model_dump_json(), media_type=JSON)


@router.post(
    f"{ONE}/secret",
    summary="Replace the secret of a webhook",
    description="For 24 hours what is sent has a signature by the one before as well: receivers can change over in that time.",
    responses={
        **openapi.gives(200, SecretAnswer, "The new secret", examples.WEBHOOK_SECRET),
        **openapi.fails(*openapi.CALL, *openapi.BODY, "not_found"),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False, repeatable=False),
)
async def replace_secret_of_webhook(webhook_id: WebhookId, request: Request) -> Response:
    async def work(taken: Intake[NoBody]) -> Response:
        webhook, stores = await own(taken.api, taken.caller, webhook_id), taken.api.stores
        name = signing_secrets.name_of_webhook(webhook.webhook_id)
        found = await signing_secrets.replace(stores.directory, name, stores.jobs.now())
        return Response(SecretAnswer.of(found).model_dump_json(), media_type=JSON)

    return await intake.run(request, NoBody, work, creates=False, repeatable=False)


async def own(api: Api, caller: Principal, webhook_id: str) -> Webhook:
    """Raises Terminal not_allowed, not_found: somebody else's webhook is answered like none at all."""
    caller.demand(*ASKING_FOR_JOBS)
    webhook = await registered.get(api.stores.directory, caller.id, webhook_id)
    if webhook.scope is Reach.ALL:
        caller.demand(Scope.ADMIN)  # who is none any more hears of nobody else's jobs
    return webhook


def _shown(webhook: Webhook) -> Response:
    return Response(WebhookAnswer.of(webhook).model_dump_json(), media_type=JSON)
