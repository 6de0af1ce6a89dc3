"""`POST /api/v1/exports`: a dataset becomes files."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from krai import submit
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import JobAnswer
from krai.api.fields import Body, CallbackUrl, ColumnNames, DatasetName, Description, FileName, Labels
from krai.api.intake import Intake

router = APIRouter(tags=["jobs"])
LARGEST_COUNT = 2**63 - 1
LARGEST_SIZE_MB = 1 << 20  # a tebibyte


class ExportBody(Body):
    """What to export, and as what."""

    dataset: DatasetName = "default"
    format: Literal["csv", "ndjson", "parquet"] = "csv"
    compression: Annotated[
        Literal["none", "gzip"],
        Field(description="gzip packs the file; in Parquet, which is always compressed inside, it names the codec."),
    ] = "none"
    columns: Annotated[ColumnNames | None, Field(description="These columns, in this order; all when left out.")] = None
    limit: Annotated[int | None, Field(ge=1, le=LARGEST_COUNT, description="At most this many rows.")] = None
    size_mb: Annotated[
        float | None, Field(gt=0, le=LARGEST_SIZE_MB, allow_inf_nan=False, description="Stop after about this much output.")
    ] = None
    filename: Annotated[FileName | None, Field(description="The name of the download.")] = None
    callback_url: CallbackUrl | None = None
    labels: Labels = Field(default_factory=dict)
    description: Description = ""


EXAMPLES = {
    "everything": {"dataset": "users"},
    "some columns": {"dataset": "users", "format": "parquet", "columns": ["id", "email"], "limit": 1000, "labels": {"team": "sales"}},
    "compressed": {"dataset": "users", "format": "ndjson", "compression": "gzip", "filename": "users.ndjson.gz"},
}


@router.post(
    "/api/v1/exports",
    summary="Export a dataset",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The job; its result has the links", examples.JOB, openapi.CREATED),
        **openapi.fails(
            *openapi.CALL,
            *openapi.POST,
            *openapi.CALLBACK,
            "invalid_dataset",
            "dataset_not_found",
            "unknown_column",
            "quota_exceeded",
        ),
    },
    openapi_extra=openapi.takes(ExportBody, EXAMPLES, required=False),
)
async def create_export(request: Request) -> Response:
    return await intake.run(request, ExportBody, _export)


async def _export(taken: Intake[ExportBody]) -> Response:
    taken.caller.demand(Scope.EXPORT)
    body = taken.body
    await taken.api.admission.grants.demand_read(taken.caller, body.dataset)
    order = submit.Order(
        dataset=body.dataset,
        created_by=taken.caller.id,
        tenant=taken.caller.tenant,
        max_attempts=taken.api.settings.max_attempts,
        params=body.model_dump(exclude={"dataset", "labels", "description", "callback_url"}),
        labels=body.labels,
        description=body.description,
        callback=intake.callback(taken, body.callback_url),
    )
    return await intake.accept(taken, await submit.export(taken.api.stores, order))
