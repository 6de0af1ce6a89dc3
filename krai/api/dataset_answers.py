"""What krai answers with about datasets and their snapshots."""

from typing import Annotated, Self

from pydantic import Field

from krai.api.answers import Answer, Time
from krai.dataset import Dataset, Snapshot
from krai.job import format_time


class ColumnAnswer(Answer):
    name: str
    type: str
    nullable: bool


class DatasetAnswer(Answer):
    name: str
    columns: list[ColumnAnswer]
    rows: int
    bytes: int
    snapshot_id: str | None
    updated_at: Time

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        return cls(
            name=dataset.name,
            columns=[ColumnAnswer(name=column.name, type=column.type, nullable=column.nullable) for column in dataset.columns],
            rows=dataset.rows,
            bytes=dataset.bytes,
            snapshot_id=dataset.snapshot_id,
            updated_at=format_time(dataset.updated_at),
        )


class DatasetList(Answer):
    datasets: list[DatasetAnswer]


class SnapshotAnswer(Answer):
    """A state of a dataset, and what has made it. An export's `as_of` takes its id."""

    snapshot_id: str
    committed_at: Time
    job_id: Annotated[str, Field(description="who has made it; the job itself may be gone")]
    mode: Annotated[str, Field(json_schema_extra={"enum": ["append", "replace", "upsert", "undo"]})]
    rows: Annotated[int, Field(description="of the dataset then")]
    records_inserted: int
    records_updated: int
    records_removed: Annotated[int, Field(description="by an undo, as are those restored")]
    records_restored: int

    @classmethod
    def of(cls, snapshot: Snapshot) -> Self:
        return cls(
            snapshot_id=snapshot.snapshot_id,
            committed_at=format_time(snapshot.committed_at),
            job_id=snapshot.job_id,
            mode=snapshot.mode,
            rows=snapshot.rows,
            records_inserted=snapshot.inserted,
            records_updated=snapshot.updated,
            records_removed=snapshot.removed,
            records_restored=snapshot.restored,
        )


class SnapshotList(Answer):
    """Newest first."""

    snapshots: list[SnapshotAnswer]
