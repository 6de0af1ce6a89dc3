"""An import: a file becomes rows of a dataset, all of them or none.

The file is read once, with types taken from what was seen so far. When a later block refutes them the rest is looked through for
types alone, and the file is read a second time with the ones that hold for all of it.
"""

import json
from typing import Any

from krai import failpoint
from krai.errors import Terminal
from krai.formats.reading import Reader
from krai.formats.typed import Target
from krai.formats.types import arrow_type
from krai.job import Job, Stage
from krai.transfer.fetch import fetch
from krai.transfer.load import Load, Loaded, most_rejected
from krai.transfer.meter import Meter
from krai.transfer.readers import open_reader
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.warehouse.port import Change, Committed, Mode


def run_import(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal and Transient, and too_many_rejects with the rejects as its result.

    The same job run again gives the same outcome, and its rows are there once.
    """
    committed = tools.warehouse.find_commit(job.dataset, job.job_id)
    return _outcome(committed) if committed else _outcome(_load_and_commit(job, tools, Meter(reporter), reporter))


def _load_and_commit(job: Job, tools: Tools, meter: Meter, reporter: Reporter) -> Committed:
    meter.say(Stage.FETCHING)
    sha256 = job.params.get("sha256")
    source = fetch(job.source or {}, tools, lambda received: meter.say(Stage.FETCHING, read_bytes=received), sha256=sha256)
    reader = open_reader(source, job.params, tools.limits, tools.spool, columns=_columns(job, tools))
    target = _target(job, tools, reader)
    loaded = _load(Load(job=job, tools=tools, meter=meter, source=source, reader=reader, target=target))
    meter.say(Stage.UPLOADING, 1)
    kept = loaded.rejects.put(tools.blobs, f"jobs/{job.job_id}/e{job.epoch}")
    result = {
        "records_processed": loaded.rows,
        "records_inserted": loaded.rows,
        "records_updated": 0,
        "records_rejected": loaded.rejects.count,
        **kept,
    }
    failpoint.reach("after_upload")
    if loaded.hopeless or (loaded.rejects.count and not loaded.rows):
        raise Terminal("too_many_rejects", _too_many(loaded, most_rejected(job)), result=kept)
    meter.say(Stage.COMMITTING, 1)
    reporter.may_commit()
    failpoint.reach("before_commit")
    committed = tools.warehouse.commit(
        job.dataset,
        Change(
            job_id=job.job_id,
            epoch=job.epoch,
            schema=loaded.schema,
            parts=loaded.parts,
            mode=_mode(job),
            summary={"result": json.dumps(result)},
        ),
    )
    failpoint.reach("after_commit")
    return committed


def _too_many(loaded: Loaded, most: float) -> str:
    many = f"All {loaded.rejects.count} rows were"
    if loaded.hopeless:
        many = f"More than {most:g} rows were" if most else "A row was"
    return f"{many} rejected, {loaded.rejects.first_cause}."


def _load(load: Load) -> Loaded:
    """At most two passes: the second begins with the types that the first has found in the whole file."""
    loaded = load.read({})
    if loaded is None:
        loaded = load.read(load.seen)
    if loaded is None:
        raise Terminal("source_changed", "The file changed while it was read.")
    return loaded


def _columns(job: Job, tools: Tools) -> list[str] | None:
    """Those of a file that names none: the dataset's in their order, unless it has none yet or the request gives others."""
    held = None if _mode(job) is Mode.REPLACE or job.params.get("columns") else tools.warehouse.schema(job.dataset)
    return None if held is None else list(held.names)


def _target(job: Job, tools: Tools, reader: Reader) -> Target:
    """The columns of the dataset bind an append, a declared schema binds what it names, and the file decides the rest."""
    declared = {name: arrow_type(kind) for name, kind in (job.params.get("schema") or {}).items()}
    held = None if _mode(job) is Mode.REPLACE else tools.warehouse.schema(job.dataset)
    if held is None:
        # NDJSON names its columns in its rows; there a column that never comes is one of nulls.
        if reader.names and not declared.keys() <= set(reader.names):
            raise Terminal("unknown_column", "The schema names a column that the file does not have.")
        return Target(bound=declared, closed=False)
    bound = {field.name: field.type for field in held}
    if any(name not in bound for name in (*declared, *reader.names)):
        raise Terminal("unknown_column", "The dataset does not have all the columns of the import.")
    if any(bound[name] != kind for name, kind in declared.items()):
        raise Terminal("unsupported_type", "The dataset has a column of the schema with another type.")
    return Target(bound=bound, closed=True)


def _mode(job: Job) -> Mode:
    return Mode(job.params.get("mode", Mode.APPEND))


def _outcome(committed: Committed) -> Outcome:
    result: dict[str, Any] = {**json.loads(committed.summary["result"]), "snapshot_id": committed.snapshot_id}
    return Outcome(result=result, dataset=committed.dataset)
