"""What is known of a dataset without opening it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from krai.job import format_time, parse_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as clients see it: `type` is one of the names in `krai.formats.types`."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What is known of a dataset without opening it. `snapshot_id` is decimal digits as text: it does not fit JSON's numbers."""

    name: str
    columns: tuple[Column, ...]
    rows: int
    bytes: int
    snapshot_id: str | None
    updated_at: datetime

    def to_doc(self) -> dict[str, Any]:
        return {**asdict(self), "updated_at": format_time(self.updated_at)}

    @classmethod
    def from_doc(cls, doc: Mapping[str, Any]) -> Self:
        columns = tuple(Column(**column) for column in doc["columns"])
        return cls(**{**doc, "columns": columns, "updated_at": parse_time(doc["updated_at"])})
