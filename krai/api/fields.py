"""The kinds of fields that request bodies have, and what is said when one is wrong."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import PydanticCustomError

from krai.dataset import OWN_PREFIX
from krai.errors import FieldError, Terminal
from krai.outbound import urls

M = TypeVar("M", bound=BaseModel)

DATASET = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
# Control characters, line and paragraph separators, and what turns the direction of writing: they make a name look like another.
_UNPRINTABLE_BEYOND = r"\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
UNPRINTABLE_CHARACTERS = rf"\x00-\x1f{_UNPRINTABLE_BEYOND}"
UNPRINTABLE = re.compile(f"[{UNPRINTABLE_CHARACTERS}]")
# Spreadsheets have line breaks in the names of their columns, and TABs.
_IN_NO_COLUMN = rf"\x00-\x08\x0b\x0c\x0e-\x1f{_UNPRINTABLE_BEYOND}"
IN_NO_COLUMN = re.compile(f"[{_IN_NO_COLUMN}]")
IN_NO_FILENAME = '/\\:*?"<>|'
COLUMN_TYPE = re.compile(r"boolean|int64|float64|date|timestamp|timestamptz|string|binary|decimal\(([1-9]\d?),(\d{1,2})\)", re.ASCII)
LARGEST_PRECISION = 38
MOST_KEYS = 32
SNAPSHOT_ID = re.compile(r"[0-9]{1,19}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
LONGEST_FILENAME_BYTES = 200
MOST_SHEETS, LONGEST_SHEET_NAME = 10_000, 31
# A pointer names a member that the client chose only when the name is harmless wherever it is shown.
PLAIN_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", re.ASCII)
UNKNOWN, MISSING, INVALID = "unknown_field", "missing_field", "invalid_field"
CODES = {"extra_forbidden": UNKNOWN, "missing": MISSING, "invalid_dataset": "invalid_dataset"}
DETAILS = {
    "extra_forbidden": "There is no such field.",
    "missing": "This field is required.",
    "model_type": "Takes an object.",
    "dict_type": "Takes an object.",
}


class Body(BaseModel):
    """A request body: no unknown fields, and no value is turned into another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, populate_by_name=False)


def _printable(text: str) -> str:
    if UNPRINTABLE.search(text):
        raise PydanticCustomError(INVALID, "Takes text without control characters.")
    return text


def _column(name: str) -> str:
    if IN_NO_COLUMN.search(name):
        raise PydanticCustomError(INVALID, "Takes text without control characters but TAB and line breaks.")
    return name


def _not_reserved(name: str) -> str:
    if name.startswith(OWN_PREFIX):
        raise PydanticCustomError(INVALID, f"Takes a name that does not begin with {OWN_PREFIX}, as columns of rejects files do.")
    return name


def _dataset(text: str) -> str:
    if not DATASET.fullmatch(text):
        raise PydanticCustomError("invalid_dataset", "Takes a small letter, then up to 62 small letters, digits and underscores.")
    return text


def _filename(text: str) -> str:
    if text.startswith(".") or text != text.strip() or set(text) & set(IN_NO_FILENAME) or len(text.encode()) > LONGEST_FILENAME_BYTES:
        raise PydanticCustomError(INVALID, "Takes a file name of at most 200 bytes, without a folder and without a dot at the start.")
    return text


def _column_type(text: str) -> str:
    found = COLUMN_TYPE.fullmatch(text)
    precision, scale = (int(digits or 0) for digits in found.groups()) if found else (0, 1)
    if not scale <= precision <= LARGEST_PRECISION:
        raise PydanticCustomError(INVALID, "Takes boolean, int64, float64, decimal(p,s), date, timestamp, timestamptz, string or binary.")
    return text


def unique(names: list[Any]) -> list[Any]:
    if len(set(names)) != len(names):
        raise PydanticCustomError(INVALID, "Takes each name once.")
    return names


def _sheet(sheet: Any, body: ValidationInfo) -> Any:
    is_one = 0 < len(sheet) <= LONGEST_SHEET_NAME if isinstance(sheet, str) else type(sheet) is int and 0 < sheet <= MOST_SHEETS
    if sheet is not None and not is_one:
        raise PydanticCustomError(INVALID, "Takes the name of a sheet, or its number from 1.")
    if sheet is not None and body.data.get("format", "auto") not in {"auto", "xlsx"}:
        raise PydanticCustomError(INVALID, "Goes with the formats xlsx and auto.")
    return sheet


def _key(text: str) -> str:
    if not text.removeprefix("-"):
        raise PydanticCustomError(INVALID, "Takes the name of a column, with - before it to descend.")
    return text


def _unique_keys(keys: list[str]) -> list[str]:
    unique([key.removeprefix("-") for key in keys])
    return keys


def _moment(text: str) -> str:
    try:
        if not SNAPSHOT_ID.fullmatch(text):
            datetime.fromisoformat(text if TIME.fullmatch(text) else "")
    except ValueError:
        raise PydanticCustomError(INVALID, "Takes a snapshot id, or a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z.") from None
    return text


Text = Annotated[str, AfterValidator(_printable), Field(json_schema_extra={"pattern": f"^[^{UNPRINTABLE_CHARACTERS}]*$"})]
DatasetName = Annotated[Text, AfterValidator(_dataset), Field(json_schema_extra={"pattern": f"^{DATASET.pattern}$"}, examples=["users"])]
_NOT_THERE = re.escape(IN_NO_FILENAME) + UNPRINTABLE_CHARACTERS
FileName = Annotated[
    str,
    AfterValidator(_printable),
    Field(
        min_length=1,
        max_length=LONGEST_FILENAME_BYTES,
        json_schema_extra={"pattern": rf"^[^.\s{_NOT_THERE}](?:[^{_NOT_THERE}]*[^\s{_NOT_THERE}])?$"},
    ),
    AfterValidator(_filename),
]
ColumnName = Annotated[
    str, AfterValidator(_column), Field(min_length=1, max_length=255, json_schema_extra={"pattern": f"^[^{_IN_NO_COLUMN}]*$"})
]
# Of a column that an import makes or fills.
OwnColumnName = Annotated[ColumnName, AfterValidator(_not_reserved)]
ColumnNames = Annotated[list[ColumnName], Field(min_length=1, max_length=10_000), AfterValidator(unique)]
KeyColumns = Annotated[list[OwnColumnName], Field(min_length=1, max_length=10_000), AfterValidator(unique)]
OrderKey = Annotated[
    str,
    AfterValidator(_column),
    Field(
        min_length=1,
        max_length=256,
        json_schema_extra={"pattern": f"^(?:[^-{_IN_NO_COLUMN}]|-[^{_IN_NO_COLUMN}])[^{_IN_NO_COLUMN}]*$"},
    ),
    AfterValidator(_key),
]
OrderKeys = Annotated[
    list[OrderKey],
    Field(min_length=1, max_length=MOST_KEYS, json_schema_extra={"uniqueItems": True}, examples=[["-created_at", "id"]]),
    AfterValidator(_unique_keys),
]
Moment = Annotated[
    str,
    AfterValidator(_moment),
    Field(json_schema_extra={"pattern": f"^({SNAPSHOT_ID.pattern}|{TIME.pattern})$"}, examples=["2026-01-31T12:00:00Z"]),
]
ColumnType = Annotated[
    str,
    AfterValidator(_column_type),
    Field(json_schema_extra={"pattern": f"^(?:{COLUMN_TYPE.pattern})$"}, examples=["int64", "decimal(12,2)"]),
]
ColumnTypes = Annotated[dict[OwnColumnName, ColumnType], Field(max_length=10_000, json_schema_extra={"additionalProperties": False})]
Sha256 = Annotated[
    str,
    Field(
        pattern="^[0-9a-fA-F]{64}$",
        description="SHA-256 of the file as it comes, in hexadecimal digits, before it is unpacked: another file is not imported.",
        examples=["2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"],
    ),
    AfterValidator(str.lower),
]
Labels = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")], Annotated[Text, Field(max_length=128)]],
    Field(
        max_length=20,
        description="At most 20 names with a value each, to find jobs by.",
        json_schema_extra={"additionalProperties": False},
        examples=[{"team": "sales"}],
    ),
]
Description = Annotated[Text, Field(max_length=500, description="Shown with the job; at most 500 characters.")]

Sheet = Annotated[
    Annotated[int, Field(ge=1, le=MOST_SHEETS)] | Annotated[Text, Field(min_length=1, max_length=LONGEST_SHEET_NAME)] | None,
    BeforeValidator(_sheet),
    Field(
        description="The sheet of an XLSX file, by name or by number from 1; the first that is shown, if left out.", examples=["Orders", 2]
    ),
]

CallbackUrl = Annotated[
    str,
    Field(
        json_schema_extra={"format": "uri", "pattern": "^https://", "maxLength": urls.LONGEST_BYTES},
        description="Called when the job has ended, on the public internet: a POST as Standard Webhooks has it, signed with the secret of"
        " `/api/v1/webhooks/secret`, of `{type, timestamp, data}`, where `type` is `job.completed`, `job.failed` or `job.cancelled` and"
        " `data` is the job. Tried for three days until the answer is 2xx; 410 ends it at once, redirects are not followed.",
        examples=["https://hooks.example.org/krai"],
    ),
]


def validate(model: type[M], document: Any) -> M:
    """`document` as `model`. Raises Terminal 422: the common code of all errors, else invalid_request."""
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        found = invalid.errors(include_url=False, include_context=False, include_input=False)
    errors = [
        FieldError(_pointer(document, item["loc"]), CODES.get(item["type"], INVALID), _detail(item["type"], item["msg"])) for item in found
    ]
    codes = {error.code for error in errors}
    raise Terminal(codes.pop() if len(codes) == 1 else "invalid_request", errors=errors)


def _detail(kind: str, message: str) -> str:
    return DETAILS.get(kind) or message.replace("Input should", "Should")


def _pointer(document: Any, place: tuple[int | str, ...]) -> str:
    """RFC 6901, where plain names need no escapes.

    The steps of a variant (which alternative was tried) are not part of the document and are left out.
    """
    return "".join(f"/{step}" for step in _steps(document, place))


def _steps(document: Any, place: tuple[int | str, ...]) -> Iterator[str]:
    for number, step in enumerate(place):
        last = number == len(place) - 1
        if _leads_on(document, step):
            document = document[step]
        elif not (last and isinstance(document, dict)) or step == "[key]":
            continue
        if isinstance(step, str) and not PLAIN_MEMBER.fullmatch(step):
            return
        yield str(step)


def _leads_on(document: Any, step: int | str) -> bool:
    if isinstance(document, list):
        return isinstance(step, int) and step < len(document)
    return isinstance(document, dict) and step in document
