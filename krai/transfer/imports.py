"""An import: a file becomes rows of a dataset, all of them or none.

The file is read once, with types taken from what was seen so far. When a later block refutes them the rest is looked through for
types alone, and the file is read a second time with the ones that hold for all of it.
"""

import json
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any

import pyarrow as pa

from krai import failpoint
from krai.dataset import LARGEST_COLUMNS_BYTES, fit_a_listing
from krai.errors import Terminal
from krai.formats.reading import Reader
from krai.formats.renamed import Renamed
from krai.formats.typed import Target
from krai.formats.types import arrow_type, columns_of, wider
from krai.job import Job, Stage
from krai.transfer.fetch import fetch
from krai.transfer.load import Load, Loaded, most_rejected
from krai.transfer.meter import Meter
from krai.transfer.preview import Preview
from krai.transfer.readers import open_reader
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.warehouse.port import Change, Committed, Counts, Mode


def run_import(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal and Transient, and too_many_rejects with the rejects as its result.

    The same job run again gives the same outcome, and its rows are there once.
    """
    return committed_import(job, tools) or _load_and_commit(job, tools, Meter(reporter), reporter)


def committed_import(job: Job, tools: Tools) -> Outcome | None:
    """What came of the import when it has committed already."""
    committed = tools.warehouse.find_commit(job.dataset, job.job_id)
    return None if committed is None else _outcome(job, committed)


def _load_and_commit(job: Job, tools: Tools, meter: Meter, reporter: Reporter) -> Outcome:
    _check_beside(job, tools)
    meter.say(Stage.FETCHING)
    sha256 = job.params.get("sha256")
    source = fetch(job.source or {}, tools, lambda received: meter.say(Stage.FETCHING, read_bytes=received), sha256=sha256)
    reader = open_reader(source, job.params, tools.limits, tools.spool, columns=_columns(job, tools))
    target = _target(job, tools, reader)
    loaded = _load(job, tools, partial(Load, job=job, tools=tools, meter=meter, source=source, reader=reader, target=target))
    meter.say(Stage.UPLOADING, 1)
    kept = loaded.rejects.put(tools.blobs, f"jobs/{job.job_id}/e{job.epoch}")
    result = {"records_processed": loaded.rows, "records_rejected": loaded.rejects.count, **kept}
    failpoint.reach("after_upload")
    if loaded.hopeless or (loaded.rejects.count and not loaded.rows):
        raise Terminal("too_many_rejects", _too_many(loaded, most_rejected(job)), result=kept)
    _check_width(job, tools, loaded.schema)
    change = Change(
        job_id=job.job_id,
        epoch=job.epoch,
        schema=loaded.schema,
        parts=loaded.parts,
        mode=_mode(job),
        key=_key(job),
        evolve=bool(job.params.get("evolve")),
        scratch=tools.spool,
        summary={"result": json.dumps(result)},
        beside=_beside(job),
    )
    if job.params.get("dry_run"):
        return _forecast(job, tools, change, loaded.preview, result)
    meter.say(Stage.COMMITTING, 1)
    reporter.may_commit()
    failpoint.reach("before_commit")
    committed = tools.warehouse.commit(job.dataset, change)
    failpoint.reach("after_commit")
    return _outcome(job, committed)


def _beside(job: Job) -> str | None:
    """The replace whose mended rejects these are."""
    return (job.source or {}).get("rejects_of")


def _check_beside(job: Job, tools: Tools) -> None:
    """Before columns are compared that may be others by now. The commit asks again."""
    beside = _beside(job)
    if beside is not None and not tools.warehouse.stands(job.dataset, beside):
        raise Terminal("import_gone")


def _forecast(job: Job, tools: Tools, change: Change, preview: Preview, result: dict[str, Any]) -> Outcome:
    forecast = tools.warehouse.forecast(job.dataset, change)
    tools.warehouse.sweep(job.dataset, job.job_id, None)
    columns = [asdict(column) for column in columns_of(forecast.schema)]
    told = {"dry_run": True, "bytes": forecast.bytes, "schema": columns, "snapshot_id": None}
    names = [name for name in forecast.schema.names if name in change.schema.names]
    shown = preview.put(tools.blobs, f"jobs/{job.job_id}/e{job.epoch}", names, tools.spool)
    return Outcome(result={**result, **_counts(forecast.counts), **told, **shown})


def _too_many(loaded: Loaded, most: float) -> str:
    many = f"All {loaded.rejects.count} rows were"
    if loaded.hopeless:
        many = f"More than {most:g} rows were" if most else "A row was"
    return f"{many} rejected, {loaded.rejects.first_cause}."


def _load(job: Job, tools: Tools, begin: Callable[..., Load]) -> Loaded:
    """At most two passes: the second begins with the types that the first has found in the whole file."""
    first = begin(known={})
    loaded = first.read()
    if loaded is None:
        tools.warehouse.discard(job.dataset, job.job_id, job.epoch)  # the second pass may need fewer parts than the first has written
        loaded = begin(known=first.seen).read()
    if loaded is None:
        raise Terminal("source_changed", "The file changed while it was read.")
    return loaded


def _columns(job: Job, tools: Tools) -> list[str] | None:
    """Those of a file that names none: the dataset's in their order, unless it has none yet or the request gives others."""
    held = None if _mode(job) is Mode.REPLACE or job.params.get("columns") else tools.warehouse.schema(job.dataset)
    return None if held is None else list(held.names)


def _check_width(job: Job, tools: Tools, schema: pa.Schema) -> None:
    """Raises Terminal too_many_columns when the dataset could not be listed with these columns, and those it has where they stay."""
    held = tools.warehouse.schema(job.dataset) if job.params.get("evolve") else None
    columns = {column.name: column for column in (*columns_of(held or pa.schema([])), *columns_of(schema))}
    if not fit_a_listing(columns.values()):
        detail = f"Their names are too long together: a dataset has room for {LARGEST_COLUMNS_BYTES >> 10} KiB of columns as JSON in ASCII."
        raise Terminal("too_many_columns", detail)


def _target(job: Job, tools: Tools, reader: Reader) -> Target:
    """The columns of the dataset bind what is added to it, a declared schema binds what it names, and the file decides the rest."""
    declared = {name: arrow_type(kind) for name, kind in (job.params.get("schema") or {}).items()}
    key = _key(job)
    rounded = declared.keys() - set(key)  # two keys that become one float would be one row
    if reader.names and (number := _first_beside(key, reader.names)):
        raise Terminal("unknown_column", f"Column {number} of the key is not in the file.")
    held = None if _mode(job) is Mode.REPLACE else tools.warehouse.schema(job.dataset)
    if held is None:
        # NDJSON names its columns in its rows; there a column that never comes is one of nulls.
        if reader.names and (number := _first_beside(declared, reader.names)):
            raise Terminal("unknown_column", f"Column {number} of the schema is not in the file.")
        return Target(bound=declared, closed=False, key=key, rounded=rounded)
    if job.params.get("evolve"):
        return Target(bound=_evolved(held, declared, reader), closed=False, key=key, rounded=rounded)
    bound = {field.name: field.type for field in held}
    if number := _first_beside(declared, bound):
        raise Terminal("unknown_column", f"Column {number} of the schema is not in the dataset.")
    if number := _first_beside(reader.names, bound):
        number = reader.number_of(reader.names[number - 1]) if isinstance(reader, Renamed) else number
        raise Terminal("unknown_column", f"Column {number} of the file is not in the dataset.")
    for number, (name, kind) in enumerate(declared.items(), start=1):
        if bound[name] != kind:
            raise Terminal("unsupported_type", f"Column {number} of the schema has another type in the dataset.")
    return Target(bound=bound, closed=True, key=key, rounded=rounded)


def _first_beside(names: Iterable[str], known: Collection[str]) -> int:
    """The number of the first name that is not known, from 1, or 0."""
    others = set(known)
    return next((number for number, name in enumerate(names, start=1) if name not in others), 0)


def _evolved(held: pa.Schema, declared: dict[str, pa.DataType], reader: Reader) -> dict[str, pa.DataType]:
    """The dataset's columns, as wide as the request or a file that has types wants them, and new ones that the request names."""
    bound = {field.name: field.type for field in held}
    for number, (name, kind) in enumerate(declared.items(), start=1):
        wide = wider(bound.get(name, kind), kind)
        if wide is None:
            raise Terminal("unsupported_type", f"Column {number} of the schema cannot become of the type that it has there.")
        bound[name] = wide
    for name in bound.keys() & reader.types.keys():
        bound[name] = wider(bound[name], reader.types[name]) or bound[name]
    return bound


def _mode(job: Job) -> Mode:
    return Mode(job.params.get("mode", Mode.APPEND))


def _key(job: Job) -> list[str]:
    return job.params.get("key") or []


def _outcome(job: Job, committed: Committed) -> Outcome:
    told = {**_counts(committed.counts), "snapshot_id": committed.snapshot_id}
    return Outcome(result={**json.loads(committed.summary["result"]), **told}, dataset=committed.noted(job.job_id, _mode(job)))


def _counts(counts: Counts) -> dict[str, int]:
    return {"records_inserted": counts.inserted, "records_updated": counts.updated}
