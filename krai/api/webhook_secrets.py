"""`/api/v1/webhooks/secret`: by which the receivers of callbacks know that it is krai who calls."""

from collections.abc import Sequence
from typing import Annotated, Self

from fastapi import APIRouter, Request, Response
from pydantic import Field

from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import ApiOf, Caller
from krai.api.intake import Intake
from krai.api.jobs import NoBody
from krai.job import format_time
from krai.webhooks import signing_secrets
from krai.webhooks.signing_secrets import SigningSecret

router = APIRouter(tags=["webhooks"], prefix="/api/v1/webhooks")
JSON = "application/json"
ASKING_FOR_JOBS = (Scope.EXPORT, Scope.IMPORT)


class SecretAnswer(Answer):
    """What `webhook-signature` is made with."""

    secret: Annotated[str, Field(description="`whsec_` and base64, as the libraries of Standard Webhooks take it")]
    created_at: Time
    previous_until: Annotated[Time | None, Field(description="so long the secret before signs too")]

    @classmethod
    def of(cls, found: Sequence[SigningSecret]) -> Self:
        newest, previous = found[0], found[1:2]
        until = previous[0].until if previous else None
        return cls(
            secret=newest.text,
            created_at=format_time(newest.created_at),
            previous_until=None if until is None else format_time(until),
        )


@router.get(
    "/secret",
    summary="Show your webhook secret",
    description="Made when it is first asked for. Yours alone: everybody whose jobs have a `callback_url` has another one.",
    responses={
        **openapi.gives(200, SecretAnswer, "The secret", examples.WEBHOOK_SECRET),
        **openapi.fails(*openapi.CALL),
    },
)
async def show_secret(caller: Caller, api: ApiOf) -> Response:
    caller.demand(*ASKING_FOR_JOBS)
    found = await signing_secrets.of(api.stores.directory, caller.id, api.stores.jobs.now())
    return Response(SecretAnswer.of(found).model_dump_json(), media_type=JSON)


@router.post(
    "/secret",
    summary="Replace your webhook secret",
    description="For 24 hours what is sent has a signature by the one before as well: receivers can change over in that time.",
    responses={
        **openapi.gives(200, SecretAnswer, "The new secret", examples.WEBHOOK_SECRET),
        **openapi.fails(*openapi.CALL, *openapi.BODY),
    },
    openapi_extra=openapi.takes(NoBody, {"nothing": {}}, required=False, repeatable=False),
)
async def replace_secret(request: Request) -> Response:
    return await intake.run(request, NoBody, _replace, creates=False, repeatable=False)


async def _replace(taken: Intake[NoBody]) -> Response:
    taken.caller.demand(*ASKING_FOR_JOBS)
    stores = taken.api.stores
    found = await signing_secrets.replace(stores.directory, taken.caller.id, stores.jobs.now())
    return Response(SecretAnswer.of(found).model_dump_json(), media_type=JSON)
