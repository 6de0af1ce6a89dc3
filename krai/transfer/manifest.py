"""What an export has written, for machines that fetch it."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from krai.errors import Transient
from krai.formats.types import columns_of
from krai.job import Job
from krai.transfer.tools import Tools
from krai.transfer.unload import Unloaded
from krai.warehouse.port import Scan

_NAME = "manifest.json"
_NOT_LISTED = {"path", "generation"}  # where krai keeps a file; another run of the job has others


def put_manifest(tools: Tools, prefix: str, *, job: Job, scan: Scan, unloaded: Unloaded, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Store the manifest; its part of the result. Raises Transient when its rows do not add up."""
    listed = sum(file["records"] for file in files)
    if listed != unloaded.rows:
        raise Transient("internal", f"{unloaded.rows} rows were written, the manifest lists {listed}.")
    manifest = {
        "job_id": job.job_id,
        "dataset": job.dataset,
        "snapshot_id": scan.snapshot_id,
        "snapshot_time": scan.snapshot_time,
        "schema": [asdict(column) for column in columns_of(scan.schema)],
        "records_expected": scan.rows,
        "records_written": unloaded.rows,
        "complete": unloaded.complete,
        "files": [{key: value for key, value in file.items() if key not in _NOT_LISTED} for file in files],
    }
    path = tools.spool / _NAME
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    blob = tools.blobs.put(f"{prefix}/{_NAME}", path)
    return {"name": _NAME, "path": blob.path, "generation": blob.generation, "size_bytes": blob.size_bytes}
