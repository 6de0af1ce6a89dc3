"""`POST /api/v1/imports`: a file, or a few records, become rows of a dataset."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from krai import submit
from krai.access import Scope
from krai.api import examples, intake, openapi
from krai.api.answers import JobAnswer
from krai.api.dialect import CsvDialect
from krai.api.fields import (
    INVALID,
    Body,
    CallbackUrl,
    ColumnName,
    ColumnTypes,
    DatasetName,
    Description,
    KeyColumns,
    Labels,
    OwnColumnName,
    Sha256,
    Sheet,
)
from krai.api.import_source import RecordsSource, SourceBody, source_of
from krai.api.intake import Intake, ValidateOnly
from krai.errors import Terminal

router = APIRouter(tags=["jobs"])
CAP_BYTES = (1024 + 64) * intake.KIB
LARGEST_PARAMS_BYTES = 256 * intake.KIB  # a job is one document, of at most 1 MiB in Firestore, and read with every page of a list
# What may be said of records; of the other fields that tell of a file, nothing.
SAID_OF_RECORDS: dict[str, tuple[str, ...]] = {"format": ("auto", "ndjson", "json"), "compression": ("auto", "none")}


def _apart(columns: dict[str, str | None] | None) -> dict[str, str | None] | None:
    names = [name for name in (columns or {}).values() if name is not None]
    if len(set(names)) != len(names):
        raise PydanticCustomError(INVALID, "Takes each name in the dataset once.")
    return columns


class ImportBody(Body):
    """What to import, and into which dataset."""

    dataset: DatasetName = "contacts"
    source: SourceBody
    format: Literal["auto", "csv", "tsv", "ndjson", "json", "parquet", "xlsx"] = "auto"
    compression: Literal["auto", "none", "gzip", "zstd"] = "auto"
    mode: Annotated[
        Literal["append", "replace", "upsert"],
        Field(
            description="replace: the new rows take the place of all others; upsert: of those with the same `key`, the last of a file;"
            " whole rows, so that columns the file does not have are null in them."
        ),
    ] = "append"
    key: Annotated[
        KeyColumns | None,
        Field(
            validate_default=True,
            description="The columns, by their names in the dataset, that tell rows apart in an upsert. A row without a value in one is"
            " rejected (`null_key`).",
            examples=[["id"]],
        ),
    ] = None
    evolve: Annotated[
        bool,
        Field(
            description="Columns that the dataset does not have are added, and decimals get more digits where `schema`, or a file that has"
            " types, wants them."
        ),
    ] = False
    dry_run: Annotated[bool, Field(description="All but the change of the dataset: the result says what the import would do.")] = False
    types: Annotated[
        ColumnTypes | None,
        Field(
            alias="schema",
            description="Types of columns; those left out are inferred from the whole file. Numbers of a float64 column that is named"
            " here become the nearest floats; else one that would lose digits is rejected.",
        ),
    ] = None
    columns: Annotated[
        Annotated[dict[ColumnName, OwnColumnName | None], Field(max_length=10_000, json_schema_extra={"additionalProperties": False})]
        | None,
        Field(
            description="What columns of the file are called in the dataset; null leaves one out. Others keep their names. None in the"
            " dataset begins with `_krai_`, as columns of rejects files do.",
            examples=[{"E-Mail": "email", "Notes": None}],
        ),
        AfterValidator(_apart),
    ] = None
    on_error: Annotated[Literal["reject", "abort"], Field(description="abort: the first row that cannot be imported fails the job.")] = (
        "reject"
    )
    max_errors: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**53,
            description="More rejected rows than this fail the job; /errors has those read by then. Not with `on_error` abort.",
        ),
    ] = None
    csv: Annotated[
        CsvDialect | None,
        Field(description="How the text is written, for the formats `csv`, `tsv` and `auto`; another file fails the job."),
    ] = None
    sha256: Sha256 | None = None
    sheet: Sheet = None
    callback_url: CallbackUrl | None = None
    labels: Labels = Field(default_factory=dict)
    description: Description = ""

    @field_validator("format", "compression", "csv", "sha256", "sheet")
    @classmethod
    def _goes_with_file(cls, said: Any, body: ValidationInfo) -> Any:
        of_records = isinstance(body.data.get("source"), RecordsSource)
        if of_records and said is not None and said not in SAID_OF_RECORDS.get(body.field_name or "", ()):
            raise PydanticCustomError(INVALID, "Goes with a file: records are none.")
        return said

    @field_validator("max_errors")
    @classmethod
    def _goes_without_abort(cls, most: int | None, body: ValidationInfo) -> int | None:
        if most is not None and body.data.get("on_error") == "abort":
            raise PydanticCustomError(INVALID, "Goes with on_error reject; leave it out, for with abort the first row fails the job.")
        return most

    @field_validator("key")
    @classmethod
    def _goes_with_upsert(cls, key: list[str] | None, body: ValidationInfo) -> list[str] | None:
        mode = body.data.get("mode")
        if mode is not None and (mode == "upsert") != (key is not None):
            raise PydanticCustomError(INVALID, "Goes with the mode upsert, which takes a list of columns here.")
        return key

    @field_validator("evolve")
    @classmethod
    def _goes_without_replace(cls, evolve: bool, body: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic's signature)
        if evolve and body.data.get("mode") == "replace":
            raise PydanticCustomError(INVALID, "Goes with the modes append and upsert: a replace takes the columns of the file anyway.")
        return evolve

    @field_validator("csv")
    @classmethod
    def _goes_with_format(cls, csv: CsvDialect | None, body: ValidationInfo) -> CsvDialect | None:
        file_format = body.data.get("format", "auto")
        if csv is not None and file_format not in {"auto", "csv", "tsv"}:
            raise PydanticCustomError(INVALID, "Goes with the formats csv, tsv and auto.")
        if csv is not None and file_format == "tsv" and csv.delimiter not in {None, "\t"}:
            raise PydanticCustomError(INVALID, "Takes no other delimiter with the format tsv.")
        return csv


EXAMPLES = {
    "a registered source": {"source": "salesforce"},
    "an upload": {"dataset": "orders", "source": {"upload_id": examples.UPLOAD["upload_id"]}, "mode": "replace"},
    "a sheet": {"dataset": "orders", "source": {"upload_id": examples.UPLOAD["upload_id"]}, "format": "xlsx", "sheet": "Orders"},
    "records": {"source": {"records": [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]}, "schema": {"id": "int64"}},
    "an upsert, tried first": {
        "source": {"records": [{"id": 2, "name": "Grace Hopper", "city": "Arlington"}]},
        "mode": "upsert",
        "key": ["id"],
        "evolve": True,
        "dry_run": True,
    },
    "a spreadsheet's CSV": {
        "dataset": "contacts",
        "source": {"upload_id": examples.UPLOAD["upload_id"]},
        "format": "csv",
        "csv": {"delimiter": ";", "encoding": "windows-1252", "null": ["", "n/a"]},
        "columns": {"E-Mail": "email", "Notes": None},
        "max_errors": 100,
    },
    "a TSV dump without a header": {
        "dataset": "measurements",
        "source": {"upload_id": examples.UPLOAD["upload_id"]},
        "format": "tsv",
        "compression": "zstd",
        "csv": {"header": False, "quote": None, "null": "\\N"},
        "on_error": "abort",
    },
}


@router.post(
    "/api/v1/imports",
    summary="Import into a dataset",
    description="All or nothing: other readers see the dataset before the import or after it. A new name creates the dataset.",
    status_code=202,
    responses={
        **openapi.gives(202, JobAnswer, "The job; its result has the counts", examples.IMPORT_JOB, openapi.CREATED),
        **intake.VALID,
        **openapi.fails(
            *openapi.CALL,
            *openapi.POST,
            "invalid_argument",
            "invalid_dataset",
            "unknown_source",
            "source_missing",
            "unknown_upload",
            "upload_incomplete",
            "url_imports_off",
            "invalid_source_url",
            "source_blocked",
            "source_forbidden",
            "unknown_column",
            *openapi.CALLBACK,
            "quota_exceeded",
        ),
    },
    openapi_extra=openapi.takes(ImportBody, EXAMPLES),
)
async def create_import(request: Request, *, validate_only: ValidateOnly = False) -> Response:
    if validate_only:
        return await intake.check(request, ImportBody, _check, cap_bytes=CAP_BYTES)
    return await intake.run(request, ImportBody, _import, cap_bytes=CAP_BYTES)


async def _check(taken: Intake[ImportBody]) -> None:
    await submit.check_import(taken.api.stores, *await _understand(taken))


async def _import(taken: Intake[ImportBody]) -> Response:
    order, source = await _understand(taken)
    if isinstance(source, submit.Inline):
        await taken.api.quotas.check(taken.scope, taken.caller.id)  # before the records are stored
    return await intake.accept(taken, await submit.import_(taken.api.stores, order, source))


async def _understand(taken: Intake[ImportBody]) -> tuple[submit.Order, submit.Source]:
    taken.caller.demand(Scope.IMPORT)
    body = taken.body
    await taken.api.admission.grants.demand_write(taken.caller, body.dataset)
    order = submit.Order(
        dataset=body.dataset,
        created_by=taken.caller.id,
        tenant=taken.caller.tenant,
        max_attempts=taken.api.settings.max_attempts,
        params={
            "format": body.format,
            "compression": body.compression,
            "mode": body.mode,
            "key": body.key,
            "evolve": body.evolve,
            "dry_run": body.dry_run,
            "schema": body.types,
            "columns": body.columns,
            "on_error": body.on_error,
            "max_errors": body.max_errors,
            "sha256": body.sha256,
            "csv": None if body.csv is None else body.csv.model_dump(),
            "sheet": body.sheet,
        },
        labels=body.labels,
        description=body.description,
        callback=intake.callback(taken, body.callback_url),
    )
    if len(json.dumps(order.params)) > LARGEST_PARAMS_BYTES:
        detail = f"Besides inline records it may have {LARGEST_PARAMS_BYTES >> 10} KiB as JSON in ASCII: name fewer columns."
        raise Terminal("too_large", detail)
    return order, await source_of(body.source, taken)
