"""`/token`: API keys for scripts, made and taken back by whoever they belong to."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from krai import keys
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import ApiOf, Caller
from krai.api.fields import Body, Text, unique
from krai.api.intake import Intake
from krai.errors import Terminal
from krai.job import format_time

router = APIRouter(tags=["access"], prefix="/token")
KEY_ID = r"^[0-9a-f]{16}$"
JSON = "application/json"

ScopeName = Literal["read", "export", "import", "admin"]
KeyId = Annotated[str, Field(pattern=KEY_ID, description="All of a key that is no secret.", examples=["9f86d081884c7d65"])]


class KeyBody(Body):
    """The key that is wanted."""

    name: Annotated[Text, Field(min_length=1, max_length=100, description="What it is for.")]
    scopes: Annotated[
        list[ScopeName],
        Field(
            min_length=1,
            default_factory=lambda: ["read", "export", "import"],
            description="What it may do: no more than who makes it.",
            json_schema_extra={"uniqueItems": True, "default": ["read", "export", "import"]},
        ),
        AfterValidator(unique),
    ]
    expires_in_days: Annotated[int | None, Field(ge=1, le=3650, description="null: it does not end by itself.")] = 90


class RotateBody(Body):
    """The key that gets a new secret."""

    key_id: KeyId
    keep_old_hours: Annotated[int, Field(ge=0, le=720, description="So long the secret before goes on working.")] = 24


class KeyQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key_id: KeyId


class KeyAnswer(Answer):
    """A key without its secret."""

    key_id: str
    name: str
    owner: str
    email: str | None
    scopes: list[Scope]
    created_at: Time
    expires_at: Time | None
    last_used_at: Annotated[Time | None, Field(description="to the hour")]


class NewKey(KeyAnswer):
    key: Annotated[str, Field(description="The secret; it is shown this once.")]


class KeyList(Answer):
    keys: list[KeyAnswer]


def _shown(key: keys.Key) -> dict[str, Any]:
    moments = {name: getattr(key, name) for name in ("created_at", "expires_at", "last_used_at")}
    return {
        **{name: getattr(key, name) for name in ("key_id", "name", "owner", "email")},
        **{name: None if moment is None else format_time(moment) for name, moment in moments.items()},
        "scopes": sorted(key.scopes),
    }


@router.get(
    "",
    summary="List your API keys",
    description="Those you have made, or the key you call with; an admin sees all.",
    responses={**openapi.gives(200, KeyList, "Oldest first", {"keys": [examples.KEY]}), **openapi.fails(*openapi.CALL)},
)
async def list_keys(caller: Caller, api: ApiOf) -> Response:
    found = await keys.of(api.stores.directory, caller)
    return Response(KeyList(keys=[KeyAnswer(**_shown(key)) for key in found]).model_dump_json(), media_type=JSON)


@router.post(
    "",
    summary="Make an API key",
    description="Its text is in this answer and nowhere else. It is yours and ends with you: when you are removed from the allowlist, it"
    " lets nobody in. A key that was made here makes no keys.",
    status_code=201,
    responses={
        **openapi.gives(201, NewKey, "The key", examples.NEW_KEY),
        **openapi.fails(*openapi.CALL, *openapi.BODY),
    },
    openapi_extra=openapi.takes(KeyBody, {"for a script": {"name": "nightly export", "scopes": ["read", "export"]}}, repeatable=False),
)
async def make_key(request: Request) -> Response:
    return await intake.run(request, KeyBody, _make, repeatable=False)


async def _make(taken: Intake[KeyBody]) -> Response:
    if taken.caller.id.startswith(keys.PRINCIPAL):
        raise Terminal("not_allowed", "A key makes no keys: whoever found one could keep what it opens.")
    now, days = taken.api.stores.jobs.now(), taken.body.expires_in_days
    key, text = await keys.make(
        taken.api.stores.directory,
        taken.caller,
        name=taken.body.name,
        scopes={Scope(scope) for scope in taken.body.scopes},
        now=now,
        expires_at=None if days is None else now + timedelta(days=days),
    )
    return Response(NewKey(**_shown(key), key=text).model_dump_json(), 201, media_type=JSON)


@router.put(
    "",
    summary="Give a key a new secret",
    description="One you have made, or the key you call with. Both secrets work until the time for the old one is over.",
    responses={**openapi.gives(200, NewKey, "The key", examples.NEW_KEY), **openapi.fails(*openapi.CALL, *openapi.BODY, "not_found")},
    openapi_extra=openapi.takes(RotateBody, {"a day for the old one": {"key_id": "9f86d081884c7d65"}}, repeatable=False),
)
async def rotate_key(request: Request) -> Response:
    return await intake.run(request, RotateBody, _rotate, creates=False, repeatable=False)


async def _rotate(taken: Intake[RotateBody]) -> Response:
    stores, keep_old = taken.api.stores, timedelta(hours=taken.body.keep_old_hours)
    key, text = await keys.rotate(stores.directory, taken.caller, taken.body.key_id, now=stores.jobs.now(), keep_old=keep_old)
    return Response(NewKey(**_shown(key), key=text).model_dump_json(), media_type=JSON)


@router.delete(
    "",
    summary="Revoke a key",
    status_code=204,
    responses={204: {"description": "It lets nobody in any more"}, **openapi.fails(*openapi.CALL, "invalid_argument", "not_found")},
)
async def revoke_key(query: Annotated[KeyQuery, Query()], caller: Caller, api: ApiOf) -> Response:
    await keys.revoke(api.stores.directory, caller, query.key_id)
    return Response(status_code=204)
