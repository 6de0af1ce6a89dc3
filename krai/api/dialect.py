"""How a text file of an import is written, as a request says it."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from krai.api.fields import INVALID, Body
from krai.text_encodings import UTF_8, find_encoding

LONGEST_NULL = 64
_LINE_ENDS = "\r\n"


def _mark(text: str) -> str:
    if len(text) != 1 or not text.isascii() or text in f"\0{_LINE_ENDS}":
        raise PydanticCustomError(INVALID, "Takes one ASCII character that ends no line.")
    return text


def _encoding(name: str) -> str:
    found = find_encoding(name) if name.isascii() else None
    if found is None:
        raise PydanticCustomError(INVALID, "Takes the name of an encoding of text, such as windows-1252, utf-16 or shift_jis.")
    return found


def _listed(spellings: Any) -> Any:
    return [spellings] if isinstance(spellings, str) else spellings


Mark = Annotated[str, AfterValidator(_mark), Field(json_schema_extra={"pattern": r"^[\x01-\x09\x0b\x0c\x0e-\x7f]$"})]
Null = Annotated[str, Field(max_length=LONGEST_NULL)]


class CsvDialect(Body):
    """How the rows of CSV or TSV are written. Without a `delimiter` the file tells it: a comma, a semicolon, a TAB or a bar."""

    delimiter: Annotated[Mark | None, Field(examples=[";"])] = None
    quote: Annotated[Mark | None, Field(validate_default=True, description="null: quotes are characters like any other.")] = '"'
    header: Annotated[
        bool,
        Field(
            description="false: the first row is a row. The columns are those of the dataset in their order; of a new or a replaced one, or"
            " with `columns`, they are called column_1, column_2 and so on."
        ),
    ] = True
    encoding: Annotated[
        str,
        Field(
            max_length=40,
            examples=["windows-1252"],
            description="Any encoding of text that Python knows; a row that is not in it is rejected.",
        ),
        AfterValidator(_encoding),
    ] = UTF_8
    null: Annotated[
        list[Null],
        BeforeValidator(_listed, json_schema_input_type=str | list[str]),
        Field(max_length=100, description="What means null where it is not quoted; the empty cell when nothing is named."),
    ] = Field(default_factory=lambda: [""])

    profile: Annotated[
        Literal["rfc4180", "spreadsheet"],
        Field(
            description="spreadsheet: a file that was exported so; the `'` before text that would be taken for a formula is no part of it."
        ),
    ] = "rfc4180"

    @field_validator("quote")
    @classmethod
    def _told_apart(cls, quote: str | None, dialect: ValidationInfo) -> str | None:
        if quote is not None and quote == dialect.data.get("delimiter"):
            raise PydanticCustomError(INVALID, "Takes another character than the delimiter.")
        return quote
