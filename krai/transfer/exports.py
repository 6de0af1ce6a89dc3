"""An export: a snapshot of a dataset becomes a file and its manifest.

The job is COMPLETED only when the rows the snapshot promised, the rows that were written and the rows in the manifest are the same
number. The same job run again on the same snapshot gives the same bytes.
"""

import re
from typing import Any

from krai import failpoint
from krai.errors import Transient
from krai.job import Job, Stage
from krai.transfer.manifest import put_manifest
from krai.transfer.meter import Meter
from krai.transfer.tools import Outcome, Reporter, Tools
from krai.transfer.unload import unload
from krai.warehouse.port import Scan

_UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]+')  # what some file system or shell takes for something else
_MAX_NAME_CHARACTERS = 120


def run_export(job: Job, tools: Tools, reporter: Reporter) -> Outcome:
    """Raises Terminal dataset_not_found, unknown_column; Transient when rows are missing."""
    meter = Meter(reporter)
    meter.say(Stage.READING)
    scan = tools.warehouse.scan(job.dataset, columns=job.params.get("columns"), limit=job.params.get("limit"))
    unloaded = unload(scan, job.params, tools.spool, meter)
    if unloaded.complete and unloaded.rows != scan.rows:
        raise Transient("store_busy", f"The snapshot has {scan.rows} rows, {unloaded.rows} were read.")
    meter.say(Stage.UPLOADING, 1)
    prefix = f"jobs/{job.job_id}/e{job.epoch}"
    name = file_name(job, scan)
    blob = tools.blobs.put(f"{prefix}/{name}", unloaded.path)
    files: list[dict[str, Any]] = [
        {"name": name, "path": blob.path, "generation": blob.generation, "records": unloaded.rows, **unloaded.digests}
    ]
    manifest = put_manifest(tools, prefix, job=job, scan=scan, unloaded=unloaded, files=files)
    failpoint.reach("after_upload")
    result = {
        "format": job.params.get("format", "csv"),
        "snapshot_id": scan.snapshot_id,
        "snapshot_time": scan.snapshot_time,
        "records": unloaded.rows,
        "file_size_bytes": sum(file["size_bytes"] for file in files),
        "complete": unloaded.complete,
        "files": files,
        "manifest": manifest,
    }
    return Outcome(result=result)


def file_name(job: Job, scan: Scan) -> str:
    """What the file is called: as asked for, without anything that could lead out of a folder; always the same for a job."""
    extension = job.params.get("format", "csv")
    if job.params.get("compression") == "gzip" and extension != "parquet":
        extension += ".gz"
    safe = _UNSAFE.sub("_", job.params.get("filename") or "")
    # Spaces of other scripts, joiners and letters newer than this Python are no part of a path.
    asked = "".join(letter if letter.isprintable() else "_" for letter in safe).strip("._ ")[:_MAX_NAME_CHARACTERS]
    if not asked:
        return f"{job.dataset}-{scan.snapshot_id}.{extension}"
    return asked if asked.endswith(f".{extension}") else f"{asked}.{extension}"
