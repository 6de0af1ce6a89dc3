"""`POST /api/v1/exports`: a dataset becomes files."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from krai import submit
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import JobAnswer
from krai.api.fields import Body, CallbackUrl, ColumnNames, DatasetName, Description, FileName, Labels, Moment, OrderKeys
from krai.api.intake import Intake, ValidateOnly
from krai.errors import FieldError, Terminal
from krai.export_files import MOST_FILES
from krai.formula import FORMULA
from krai.job import Job

router = APIRouter(tags=["jobs"])
# A delimiter is none of what cells, numbers and quotes are made of; a null has none of what cells are quoted for.
DELIMITER = r"^[\t !#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]$"
NULL = r'^[^"\x00-\x1f\x7f-\x9f]*$'
LARGEST_COUNT = 2**63 - 1
LARGEST_SIZE_MB = 1 << 20  # a tebibyte


class CsvStyle(Body):
    """How cells become lines."""

    delimiter: Annotated[
        str | None,
        Field(pattern=DELIMITER, description="One ASCII character, no letter, digit or quote; a tab in tsv, else a comma when left out."),
    ] = None
    header: Annotated[bool, Field(description="Whether the first line has the names of the columns.")] = True
    null: Annotated[
        str,
        Field(
            pattern=NULL,
            max_length=32,
            description="How a null is spelled; text of that spelling is quoted.",
            examples=["\\N"],
        ),
    ] = ""
    profile: Annotated[
        Literal["rfc4180", "spreadsheet"],
        Field(
            description="spreadsheet: a byte order mark, CR LF, and a `'` before text that would be taken for a formula; an import with"
            " the same profile takes it away again, and the manifest counts such cells."
        ),
    ] = "rfc4180"


class ExportBody(Body):
    """What to export, and as what."""

    dataset: DatasetName = "default"
    format: Annotated[
        Literal["csv", "tsv", "ndjson", "json", "parquet", "xlsx"],
        Field(
            description="json is one array. In xlsx a value is a number or a date where a spreadsheet keeps it exactly, else text; what one"
            " sheet cannot hold goes on in the next."
        ),
    ] = "csv"
    compression: Annotated[
        Literal["none", "gzip", "zstd"],
        Field(description="Packs the file; in Parquet, which is always compressed inside, it names the codec. xlsx takes none."),
    ] = "none"
    csv: Annotated[CsvStyle | None, Field(description="How csv and tsv are written.")] = None
    columns: Annotated[ColumnNames | None, Field(description="These columns, in this order; all when left out.")] = None
    filter: Annotated[
        str | None,
        Field(
            description="Only rows for which this is true: a SQL condition on the dataset's columns, of comparisons, `AND`, `OR`, `NOT`,"
            " `IN`, `BETWEEN`, `LIKE`, `IS NULL` and values. Names with other than letters, digits and `_` stand in double quotes, text in"
            " single ones. It may ask about columns that are not exported. At most 16384 characters.",
            examples=["id IN (1, 2, 3) OR email LIKE '%@example.org'"],
        ),
    ] = None
    order_by: Annotated[
        OrderKeys | None,
        Field(
            description="Sorted by these columns; a `-` before a name descends. Nulls come last either way, text goes by code point, and"
            " equal rows keep the order of the dataset."
        ),
    ] = None
    limit: Annotated[
        int | None, Field(ge=1, le=LARGEST_COUNT, description="At most this many rows: the first of those that pass the filter, as sorted.")
    ] = None
    as_of: Annotated[
        Moment | None,
        Field(
            description="The dataset as it was, with its columns of then: a `snapshot_id`, or a time, which takes the newest snapshot not"
            " later than it."
        ),
    ] = None
    size_mb: Annotated[
        float | None, Field(gt=0, le=LARGEST_SIZE_MB, allow_inf_nan=False, description="Stop after about this much output.")
    ] = None
    split_rows: Annotated[
        int | None,
        Field(
            ge=1,
            le=LARGEST_COUNT,
            description=f"Rows per file: `name-00001.csv` and so on, each with its header, at most {MOST_FILES:,}. Each can be downloaded"
            " as soon as it is finished: `GET /api/v1/jobs/{id}/files`.",
        ),
    ] = None
    filename: Annotated[FileName | None, Field(description="The name of the download.")] = None
    callback_url: CallbackUrl | None = None
    labels: Labels = Field(default_factory=dict)
    description: Description = ""


EXAMPLES = {
    "everything": {"dataset": "users"},
    "some columns": {"dataset": "users", "format": "parquet", "columns": ["id", "email"], "limit": 1000, "labels": {"team": "sales"}},
    "some rows, sorted": {"dataset": "users", "filter": "id > 100 AND email LIKE '%@example.org'", "order_by": ["-id"], "limit": 100},
    "compressed": {"dataset": "users", "format": "ndjson", "compression": "gzip", "filename": "users.ndjson.gz"},
    "for a spreadsheet": {"dataset": "users", "csv": {"delimiter": ";", "profile": "spreadsheet"}},
    "in many files": {"dataset": "users", "compression": "zstd", "split_rows": 1000000},
}


@router.post(
    "/api/v1/exports",
    summary="Export a dataset",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The job; its result has the links", examples.JOB, openapi.CREATED),
        **intake.VALID,
        **openapi.fails(
            *openapi.CALL,
            *openapi.POST,
            "invalid_argument",
            *openapi.CALLBACK,
            "invalid_dataset",
            "dataset_not_found",
            "unknown_column",
            "invalid_filter",
            "quota_exceeded",
        ),
    },
    openapi_extra=openapi.takes(ExportBody, EXAMPLES, required=False),
)
async def create_export(request: Request, *, validate_only: ValidateOnly = False) -> Response:
    if validate_only:
        return await intake.check(request, ExportBody, _prepare)
    return await intake.run(request, ExportBody, _export)


async def _export(taken: Intake[ExportBody]) -> Response:
    return await intake.accept(taken, await _prepare(taken))


async def _prepare(taken: Intake[ExportBody]) -> Job:
    """The job, not yet written."""
    taken.caller.demand(Scope.EXPORT)
    body = taken.body
    _refuse_mismatch(body)
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
    return await submit.export(taken.api.stores, order)


def _refuse_mismatch(body: ExportBody) -> None:
    """Fields that are well each by itself, and do not go together. Raises Terminal invalid_field."""
    errors = []
    if body.format == "xlsx" and body.compression != "none":
        errors.append(FieldError("/compression", "invalid_field", "xlsx is compressed inside and takes none."))
    if body.csv is not None and body.format not in {"csv", "tsv"}:
        errors.append(FieldError("/csv", "invalid_field", "Is for the formats csv and tsv."))
    elif body.csv is not None:
        if body.format == "tsv" and body.csv.delimiter not in {None, "\t"}:
            errors.append(FieldError("/csv/delimiter", "invalid_field", "Takes no other delimiter with the format tsv."))
        delimiter = body.csv.delimiter or ("\t" if body.format == "tsv" else ",")
        if delimiter in body.csv.null:
            errors.append(FieldError("/csv/null", "invalid_field", "Has no delimiter inside."))
        if body.csv.profile == "spreadsheet" and re.match(FORMULA, body.csv.null):
            errors.append(FieldError("/csv/null", "invalid_field", "Would be taken for a formula."))
    if errors:
        raise Terminal("invalid_field", errors=errors)
