"""What krai writes down with each snapshot: whose it is, what it did, and what the job wants to find again."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot

from krai.warehouse.port import Change, Counts, Mode, Undo

_JOB = "krai.job-id"
_EPOCH = "krai.epoch"
_MODE = "krai.mode"
_KEY = "krai.key."
_UNDONE = "krai.undone-job-id"
_ROWS = "krai.rows"
_COUNT = "krai.count."
_SUMMARY = "krai.summary."


def properties_for(job: Change | Undo, counts: Counts, rows: int) -> dict[str, str]:
    """`rows` are those of the whole table afterwards: Iceberg's own total counts rows that delete files take away, too."""
    kept = {_JOB: job.job_id, _EPOCH: str(job.epoch), _ROWS: str(rows)}
    if isinstance(job, Undo):
        kept[_UNDONE] = job.undone_job_id
    else:
        kept[_MODE] = job.mode
        kept |= {f"{_KEY}{number}": name for number, name in enumerate(job.key)}
    kept |= {_COUNT + name: str(count) for name, count in asdict(counts).items() if count}
    return kept | {_SUMMARY + key: str(value) for key, value in job.summary.items()}


def find(table: Table, job_id: str) -> Snapshot | None:
    return next((snapshot for snapshot in reversed(table.metadata.snapshots) if job_of(snapshot) == job_id), None)


def undone(table: Table) -> set[str]:
    """The jobs that were undone."""
    return {job_id for snapshot in table.metadata.snapshots if (job_id := undone_by(snapshot))}


def stands(table: Table | None, job_id: str) -> bool:
    """As `Warehouse.stands` has it."""
    if table is None:
        return False
    gone = undone(table)
    for snapshot in reversed(table.metadata.snapshots):
        found, mode = job_of(snapshot), mode_of(snapshot)
        if mode is not None and found not in gone and (found == job_id or mode == Mode.REPLACE):
            return found == job_id
    return False


def undone_by(snapshot: Snapshot) -> str | None:
    return properties_of(snapshot).get(_UNDONE)


def job_of(snapshot: Snapshot) -> str | None:
    return properties_of(snapshot).get(_JOB)


def epoch_of(snapshot: Snapshot) -> int:
    return int(properties_of(snapshot)[_EPOCH])


def mode_of(snapshot: Snapshot) -> str | None:
    return properties_of(snapshot).get(_MODE)


def key_of(snapshot: Snapshot) -> list[str]:
    properties = properties_of(snapshot)
    names: list[str] = []
    while (name := properties.get(f"{_KEY}{len(names)}")) is not None:
        names.append(name)
    return names


def rows_of(snapshot: Snapshot) -> int:
    properties = properties_of(snapshot)
    return int(properties.get(_ROWS, properties.get("total-records", "0")))


def counts_of(snapshot: Snapshot) -> Counts:
    properties = properties_of(snapshot)
    return Counts(**{item.name: int(properties.get(_COUNT + item.name, "0")) for item in fields(Counts)})


def summary_of(snapshot: Snapshot) -> dict[str, str]:
    return {key.removeprefix(_SUMMARY): value for key, value in properties_of(snapshot).items() if key.startswith(_SUMMARY)}


def properties_of(snapshot: Snapshot) -> Mapping[str, Any]:
    return {} if snapshot.summary is None else snapshot.summary.additional_properties
