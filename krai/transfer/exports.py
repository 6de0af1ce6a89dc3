"""An export: a snapshot of a dataset becomes files and their manifest.

The job is COMPLETED only when the rows the snapshot promised, the rows that were written and the rows in the manifest are the same
number. The same job run again on the same snapshot gives the same bytes.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from krai import export_files, failpoint
from krai.errors import Terminal
from krai.export_files import MOST_FILES, Written
from krai.job import Job, Stage
from krai.transfer.manifest import NAME as MANIFEST, put_manifest
from krai.transfer.meter import Meter
from krai.transfer.sorting import sort
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.transfer.unload import unload
from krai.warehouse.port import Query, Scan

_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+')  # what some file system or shell takes for something else
_MAX_NAME_CHARACTERS = 120
_MOST = f"An export has at most {MOST_FILES} files"
_ENDINGS = {"gzip": ".gz", "zstd": ".zst"}


def run_export(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal dataset_not_found, snapshot_not_found, unknown_column, invalid_filter, too_many_files, cell_too_large, and of a
    sorted one disk_full and memory_limit; Transient when rows are missing."""
    meter = Meter(reporter)
    meter.say(Stage.READING)
    scan = _scan(job, tools, meter)
    split_rows = job.params.get("split_rows")
    if split_rows is not None and scan.dropped is None and scan.expected() > split_rows * MOST_FILES:
        raise Terminal("too_many_files", f"{_MOST}; {scan.expected()} rows make more of {split_rows} each.")
    name = file_name(job, scan)
    written = Written(tools.blobs, job, tools.spool)

    def deliver(path: Path, about: dict[str, Any]) -> None:
        number = len(written.files) + 1
        if number > MOST_FILES:
            raise Terminal("too_many_files", f"{_MOST}; more rows pass the filter.")
        written.put(path, name if split_rows is None else numbered(name, number, job), **about)
        meter.show(written.newest, number)

    unloaded = unload(scan, job.params, tools.spool, meter, deliver, title=job.dataset)
    written.finish()
    files = written.files
    manifest = put_manifest(tools, job=job, scan=scan, unloaded=unloaded, files=files)
    failpoint.reach("after_upload")
    result = {
        "format": job.params.get("format", "csv"),
        "snapshot_id": scan.snapshot_id,
        "snapshot_time": scan.snapshot_time,
        "records": unloaded.rows,
        "file_size_bytes": sum(file["size_bytes"] for file in files),
        "complete": unloaded.complete,
        "files": files[: export_files.IN_RESULT],
        "files_total": len(files),
        "prefix": export_files.prefix(job),
        **manifest,
    }
    return Outcome(result=result)


def _scan(job: Job, tools: Tools, meter: Meter) -> Scan:
    columns, order_by, limit = (job.params.get(name) for name in ("columns", "order_by", "limit"))
    query = Query(columns=columns, filter=job.params.get("filter"), limit=limit, as_of=job.params.get("as_of"))
    query = replace(query, attempt=(job.job_id, job.epoch))
    if not order_by:
        return tools.warehouse.scan(job.dataset, query)
    keys = [key.removeprefix("-") for key in order_by]
    read = None if columns is None else list(dict.fromkeys([*columns, *keys]))
    scan = tools.warehouse.scan(job.dataset, replace(query, columns=read, limit=None))
    if not set(keys) <= set(scan.schema.names):
        raise Terminal("unknown_column", "The dataset has no such column to order by.")
    return sort(scan, order_by, columns=columns or scan.schema.names, limit=limit, spool=tools.spool, meter=meter)


def file_name(job: Job, scan: Scan) -> str:
    """What the file is called: as asked for, without anything that could lead out of a folder; always the same for a job."""
    extension = _extension(job)
    safe = _UNSAFE.sub("_", job.params.get("filename") or "")
    # Spaces of other scripts, joiners and letters newer than this Python are no part of a path.
    asked = "".join(letter if letter.isprintable() else "_" for letter in safe).strip("._ ")[:_MAX_NAME_CHARACTERS]
    if not asked:
        return f"{job.dataset}-{scan.snapshot_id}.{extension}"
    # `users.CSV` and, of a file that is packed, `users.csv` have no ending twice.
    said = next((end for end in (f".{extension}", f".{extension.partition('.')[0]}") if asked.lower().endswith(end)), "")
    name = f"{asked[: len(asked) - len(said)]}.{extension}"
    return f"_{name}" if name.lower() == MANIFEST else name


def numbered(name: str, number: int, job: Job) -> str:
    """The name of the file `number` (the first is 1) of an export that is split."""
    ending = f".{_extension(job)}"
    return f"{name.removesuffix(ending)}-{number:05d}{ending}"


def _extension(job: Job) -> str:
    extension: str = job.params.get("format", "csv")
    return extension if extension in {"parquet", "xlsx"} else extension + _ENDINGS.get(job.params.get("compression", "none"), "")
