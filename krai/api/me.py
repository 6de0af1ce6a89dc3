"""`GET /api/v1/me`: who asks, as krai sees them."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from krai.access import Scope
from krai.api import examples, openapi
from krai.api.answers import Answer
from krai.api.deps import Caller

router = APIRouter(tags=["access"])


class Me(Answer):
    """The caller behind the credential of the request."""

    id: Annotated[str, Field(description="what `created_by` of your jobs says")]
    email: Annotated[str | None, Field(description="of the person, also behind a key that this person has made")]
    admin: Annotated[bool, Field(description="sees and may do everything")]
    scopes: list[Scope]
    groups: list[str]
    tenant: str | None


@router.get(
    "/api/v1/me",
    summary="Show who you are",
    responses={**openapi.gives(200, Me, "You", examples.ME), **openapi.fails(*openapi.CALL)},
)
async def show_me(caller: Caller) -> Response:
    me = Me(
        id=caller.id,
        email=caller.email,
        admin=caller.admin,
        scopes=sorted(caller.scopes),
        groups=sorted(caller.groups),
        tenant=caller.tenant,
    )
    return Response(me.model_dump_json(), media_type="application/json")
