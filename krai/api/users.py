"""`/api/v1/users`: the e-mail allowlist, for admins."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from krai.access import Role, Scope
from krai.api import examples, intake, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import Admin, ApiOf
from krai.api.fields import Body, Text, unique
from krai.api.intake import Intake
from krai.job import format_time
from krai.users import LONGEST_ADDRESS, User

router = APIRouter(tags=["access"], prefix="/api/v1/users")
JSON = "application/json"

EMAIL_FORMAT: dict[str, JsonValue] = {"format": "email"}

Email = Annotated[
    Text,
    Field(
        max_length=LONGEST_ADDRESS,
        description="Small and capital letters are the same.",
        json_schema_extra=EMAIL_FORMAT,
        examples=["ada@example.org"],
    ),
]


class UserBody(Body):
    """Who is let in, and what for."""

    email: Email
    role: Annotated[Literal["user", "admin"], Field(description="user: exports and imports of its own; admin: everything.")] = "user"
    groups: Annotated[
        list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]],
        Field(
            max_length=100,
            default_factory=list,
            description="Names that datasets may be granted to.",
            json_schema_extra={"uniqueItems": True, "default": []},
        ),
        AfterValidator(unique),
    ]


class UserQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=LONGEST_ADDRESS, json_schema_extra=EMAIL_FORMAT)]


class UserAnswer(Answer):
    email: str
    role: Role
    groups: list[str]
    added_at: Time
    added_by: str
    signed_in: Annotated[bool, Field(description="Somebody has signed in with this address, and it is theirs.")]

    @classmethod
    def of(cls, user: User) -> Self:
        return cls(
            email=user.email,
            role=user.role,
            groups=sorted(user.groups),
            added_at=format_time(user.added_at),
            added_by=user.added_by,
            signed_in=user.identity is not None,
        )


class UserList(Answer):
    users: list[UserAnswer]


@router.get(
    "",
    summary="List who may sign in (admins)",
    responses={**openapi.gives(200, UserList, "By address", {"users": [examples.USER]}), **openapi.fails(*openapi.CALL)},
)
async def list_users(_: Admin, api: ApiOf) -> Response:
    found = await api.admission.users.all()
    return Response(UserList(users=[UserAnswer.of(user) for user in found]).model_dump_json(), media_type=JSON)


@router.put(
    "",
    summary="Let somebody in, or change what they may do (admins)",
    responses={**openapi.gives(200, UserAnswer, "The user", examples.USER), **openapi.fails(*openapi.CALL, *openapi.BODY)},
    openapi_extra=openapi.takes(UserBody, {"a user": {"email": "ada@example.org", "groups": ["sales"]}}, repeatable=False),
)
async def put_user(request: Request) -> Response:
    return await intake.run(request, UserBody, _put, creates=False, repeatable=False)


async def _put(taken: Intake[UserBody]) -> Response:
    taken.caller.demand(Scope.ADMIN)
    body, now = taken.body, taken.api.stores.jobs.now()
    user = await taken.api.admission.users.put(body.email, Role(body.role), body.groups, by=taken.caller, now=now)
    return Response(UserAnswer.of(user).model_dump_json(), media_type=JSON)


@router.delete(
    "",
    summary="Let somebody in no more (admins)",
    description="Within a minute, everywhere; the keys this person has made let nobody in either.",
    status_code=204,
    responses={204: {"description": "Removed"}, **openapi.fails(*openapi.CALL, "invalid_argument", "invalid_field", "not_found")},
)
async def remove_user(query: Annotated[UserQuery, Query()], caller: Admin, api: ApiOf) -> Response:
    await api.admission.users.remove(query.email, by=caller)
    return Response(status_code=204)
