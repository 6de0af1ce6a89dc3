"""`/api/v1/grants`: who may read and write which dataset, and import from which bucket; for admins."""

from typing import Annotated, Self

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticCustomError

from krai import gs_uri
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import Answer, Time
from krai.api.deps import Admin, ApiOf
from krai.api.fields import DATASET, Body
from krai.api.intake import Intake
from krai.errors import FieldError, Terminal
from krai.grants import GRANTEE, Grant, Resource
from krai.job import format_time

router = APIRouter(tags=["access"], prefix="/api/v1/grants")
JSON = "application/json"
NAMES = {Resource.DATASET: DATASET, Resource.BUCKET: gs_uri.BUCKET}


def _resource(text: str) -> str:
    kind, _, name = text.partition("/")
    if kind not in set(Resource) or not NAMES[Resource(kind)].fullmatch(name):
        raise PydanticCustomError("invalid_field", "Takes dataset/<name> or bucket/<name>.")
    return text


def _grantee(text: str) -> str:
    """Addresses are kept in small letters."""
    if not GRANTEE.fullmatch(text.lower()):
        raise PydanticCustomError("invalid_field", "Takes all, user:<e-mail>, group:<name>, tenant:<name> or key:<id>.")
    return text.lower()


ResourceName = Annotated[
    str,
    Field(
        max_length=80,
        json_schema_extra={"pattern": f"^(?:dataset/{DATASET.pattern}|bucket/{gs_uri.BUCKET.pattern})$"},
        examples=["dataset/orders", "bucket/acme-landing"],
    ),
]
Grantees = Annotated[
    list[
        Annotated[
            str,
            Field(max_length=260, json_schema_extra={"pattern": f"^(?:{GRANTEE.pattern})$"}, description="Capital letters become small."),
            AfterValidator(_grantee),
        ]
    ],
    Field(
        max_length=100,
        default_factory=list,
        description="`all`, `user:<e-mail>`, `group:<name>`, `tenant:<name>`, `key:<id>`.",
        json_schema_extra={"default": []},
    ),
]


NOBODY_WRITES_INTO_A_BUCKET: dict[str, JsonValue] = {
    "if": {"properties": {"resource": {"pattern": "^bucket/"}}},
    "then": {"properties": {"write": {"maxItems": 0}}},
}


class GrantBody(Body):
    """Who may do what with a dataset or a bucket; admins may do everything with every dataset."""

    model_config = ConfigDict(json_schema_extra=NOBODY_WRITES_INTO_A_BUCKET)

    resource: Annotated[ResourceName, AfterValidator(_resource)]
    read: Annotated[Grantees, Field(description="May see and export the dataset, or import from the bucket.")]
    write: Annotated[Grantees, Field(description="May import into the dataset, and read it.")]


class GrantQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    resource: ResourceName


class GrantAnswer(Answer):
    resource: str
    read: list[str]
    write: list[str]
    changed_at: Time
    changed_by: str

    @classmethod
    def of(cls, grant: Grant) -> Self:
        return cls(
            resource=f"{grant.resource}/{grant.name}",
            read=sorted(grant.read),
            write=sorted(grant.write),
            changed_at=format_time(grant.changed_at),
            changed_by=grant.changed_by,
        )


class GrantList(Answer):
    grants: list[GrantAnswer]


@router.get(
    "",
    summary="List the grants (admins)",
    description="A dataset that is not listed is everybody's who is let in; a bucket that is not listed is nobody's.",
    responses={**openapi.gives(200, GrantList, "By resource", {"grants": [examples.GRANT]}), **openapi.fails(*openapi.CALL)},
)
async def list_grants(_: Admin, api: ApiOf) -> Response:
    found = await api.admission.grants.all()
    return Response(GrantList(grants=[GrantAnswer.of(grant) for grant in found]).model_dump_json(), media_type=JSON)


@router.put(
    "",
    summary="Say who may read and write a dataset, or import from a bucket (admins)",
    description="In place of the grant there was; within seconds, everywhere.",
    responses={**openapi.gives(200, GrantAnswer, "The grant", examples.GRANT), **openapi.fails(*openapi.CALL, *openapi.BODY)},
    openapi_extra=openapi.takes(
        GrantBody, {"a dataset": {"resource": "dataset/orders", "read": ["all"], "write": ["group:sales"]}}, repeatable=False
    ),
)
async def put_grant(request: Request) -> Response:
    return await intake.run(request, GrantBody, _put, creates=False, repeatable=False)


async def _put(taken: Intake[GrantBody]) -> Response:
    taken.caller.demand(Scope.ADMIN)
    body, kind = taken.body, Resource(taken.body.resource.partition("/")[0])
    if kind is Resource.BUCKET and body.write:
        detail = "krai writes into no bucket but its own."
        raise Terminal("invalid_field", detail, errors=[FieldError("/write", "invalid_field", detail)])
    name, now = body.resource.partition("/")[2], taken.api.stores.jobs.now()
    grant = await taken.api.admission.grants.put(kind, name, read=body.read, write=body.write, by=taken.caller, now=now)
    return Response(GrantAnswer.of(grant).model_dump_json(), media_type=JSON)


@router.delete(
    "",
    summary="Take a grant away (admins)",
    description="The dataset is everybody's again, the bucket nobody's.",
    status_code=204,
    responses={204: {"description": "Removed"}, **openapi.fails(*openapi.CALL, "invalid_argument", "not_found")},
)
async def remove_grant(query: Annotated[GrantQuery, Query()], caller: Admin, api: ApiOf) -> Response:
    kind, _, name = query.resource.partition("/")
    if kind not in set(Resource):
        raise Terminal("not_found")
    await api.admission.grants.remove(Resource(kind), name, by=caller)
    return Response(status_code=204)
