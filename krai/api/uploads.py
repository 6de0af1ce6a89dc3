"""`POST /api/v1/uploads`: opens a place to PUT one file to, which an import then reads."""

import re
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from krai import submit
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import UploadAnswer
from krai.api.fields import Body, FileName
from krai.api.intake import Intake
from krai.errors import FieldError, Terminal
from krai.job import format_time

router = APIRouter(tags=["uploads"])
# RFC 6454: scheme, host and port, nothing else. Pages without an address send "null", which no store could tell apart.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]{0,31}://(?:[a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


class UploadBody(Body):
    """The file that will come."""

    filename: Annotated[FileName | None, Field(description="What the file is called where it comes from.")] = None
    size_bytes: Annotated[int | None, Field(ge=0, le=2**63 - 1, description="With it, nothing shorter or longer is taken.")] = None


@router.post(
    "/api/v1/uploads",
    summary="Open an upload",
    description="PUT the bytes to `upload_url`: all at once, or in pieces with `Content-Range: bytes first-last/total`. 308 with `Range`"
    " says what has arrived, `Content-Range: bytes */total` asks for it, 200 ends. The file is kept for a day.",
    status_code=201,
    responses={
        **openapi.gives(201, UploadAnswer, "Where to PUT the file", examples.UPLOAD),
        **openapi.fails(*openapi.CALL, *openapi.POST),
    },
    openapi_extra=openapi.takes(UploadBody, {"a file": {"filename": "orders.csv", "size_bytes": 1048576}}, required=False),
)
async def open_upload(request: Request) -> Response:
    return await intake.run(request, UploadBody, partial(_open, origin=_origin(request)))


async def _open(taken: Intake[UploadBody], *, origin: str | None) -> Response:
    taken.caller.demand(Scope.IMPORT)
    size_bytes, largest_mb = taken.body.size_bytes, taken.api.settings.max_source_mb
    if size_bytes is not None and size_bytes > largest_mb << 20:
        detail = f"Takes at most {largest_mb} MiB."
        raise Terminal("invalid_field", detail, errors=[FieldError("/size_bytes", "invalid_field", detail)])
    upload_id, session = await submit.open_upload(
        taken.api.stores, taken.caller.id, size_bytes=size_bytes, filename=taken.body.filename, origin=origin
    )
    url = f"{taken.base_url}{session.url}" if session.url.startswith("/") else session.url
    view = UploadAnswer(upload_id=upload_id, upload_url=url, headers=session.headers, expires_at=format_time(session.expires_at))
    return await intake.remember(taken, {"status": 201, "headers": {}, "body": view.model_dump_json()})


def _origin(request: Request) -> str | None:
    """That of the page whose script asks; what is none is left out, for the store answers the page's own PUT with it."""
    sent = request.headers.get("origin", "")
    return sent if ORIGIN.fullmatch(sent) else None
