"""What krai answers of jobs that change a dataset, and of the rows that they refuse."""

from typing import Annotated, Any, Literal

from pydantic import Field

from krai.api.answers import Answer, Link
from krai.api.dataset_answers import ColumnAnswer
from krai.job import Kind, Status


class ImportResult(Answer):
    """`records_processed + records_rejected` is what was read."""

    job_id: str
    type: Literal[Kind.IMPORT]
    status: Literal[Status.COMPLETED]
    records_processed: int
    records_inserted: int
    records_updated: int
    records_rejected: int
    dataset: str
    snapshot_id: str | None
    rejects_url: Annotated[Link | None, Field(description="every rejected row as it came; lives 15 minutes")]


class Preview(Answer):
    """The first rows of the file, typed as the dataset would keep them; an upsert may replace one by a later row of the file."""

    columns: Annotated[list[str], Field(description="that the file has, by their names in the dataset")]
    rows: Annotated[
        list[list[str | None]],
        Field(description="at most 20, each a text for each column; of more than 200 characters the first 200 and `…`"),
    ]


class ForecastResult(Answer):
    """What an import with `dry_run` would have done. The dataset is as it was."""

    job_id: str
    type: Literal[Kind.IMPORT]
    status: Literal[Status.COMPLETED]
    dry_run: Literal[True] = True
    records_processed: int
    records_inserted: int
    records_updated: int
    records_rejected: int
    bytes: Annotated[int, Field(description="of the new rows, as the dataset would keep them")]
    columns: Annotated[list[ColumnAnswer], Field(serialization_alias="schema", description="that the dataset would have")]
    preview: Preview
    dataset: str
    snapshot_id: None = None
    rejects_url: Annotated[Link | None, Field(description="every rejected row as it came; lives 15 minutes")]


class UndoResult(Answer):
    job_id: str
    type: Literal[Kind.UNDO]
    status: Literal[Status.COMPLETED]
    records_removed: Annotated[int, Field(description="rows of the import that are gone")]
    records_restored: Annotated[int, Field(description="rows that the import had taken away, and that are back")]
    records_kept: Annotated[int, Field(description="rows of newer imports that stand where a row would have gone or come back")]
    dataset: str
    snapshot_id: str


class DropResult(Answer):
    job_id: str
    type: Literal[Kind.DROP]
    status: Literal[Status.COMPLETED]
    dataset: str


class Reject(Answer):
    row: int
    column: str | None
    code: str
    detail: str
    raw: Any
    raw_base64: Annotated[bool, Field(description="there and true when `raw` is base64, for the row is no text")] = False
    raw_cut: Annotated[bool, Field(description="there and true when `raw` is only the beginning; the rejects file has all of it")] = False


class Rejects(Answer):
    """Rejected rows, in the order of the file."""

    errors: list[Reject]
    total: int
    rejects_url: Link | None
    next_page_token: str | None
