"""What an export has written, for machines that fetch it, and the signature that says it is krai's."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from krai import export_files
from krai.errors import Transient
from krai.formats.types import columns_of
from krai.job import Job
from krai.transfer.tools import Tools
from krai.transfer.unload import Unloaded
from krai.warehouse.port import Scan

NAME = "manifest.json"
SIGNATURE = f"{NAME}.jws"
_ASKED = ("columns", "filter", "order_by", "limit", "size_mb", "as_of")  # which rows and columns of the dataset these are
_NOT_LISTED = {"path", "generation"}  # where krai keeps a file; another run of the job has others


def put_manifest(tools: Tools, *, job: Job, scan: Scan, unloaded: Unloaded, files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Store the manifest and its signature; their part of the result. Raises Transient when its rows do not add up."""
    listed = sum(file["records"] for file in files)
    if listed != unloaded.rows:
        raise Transient("internal", f"{unloaded.rows} rows were written, the manifest lists {listed}.")
    key = tools.signing_key
    manifest = {
        "job_id": job.job_id,
        "dataset": job.dataset,
        "snapshot_id": scan.snapshot_id,
        "snapshot_time": scan.snapshot_time,
        "request": {name: job.params.get(name) for name in _ASKED},
        "schema": [asdict(column) for column in columns_of(scan.schema)],
        "records_expected": None if unloaded.stopped and scan.dropped else scan.expected(),
        "records_written": unloaded.rows,
        "complete": unloaded.complete,
        "key_id": None if key is None else key.key_id,
        "files": [{key: value for key, value in file.items() if key not in _NOT_LISTED} for file in files],
    }
    content = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    # Side by side: a small export waits for little else than its stores.
    with ThreadPoolExecutor(1, thread_name_prefix="signature") as pool:
        signature = None if key is None else pool.submit(_put, tools, job, SIGNATURE, key.sign(content).encode() + b"\n")
        stored = _put(tools, job, NAME, content)
        return {"manifest": stored, "signature": None if signature is None else signature.result()}


def _put(tools: Tools, job: Job, name: str, content: bytes) -> dict[str, Any]:
    path: Path = tools.spool / name
    path.write_bytes(content)
    blob = tools.blobs.put(export_files.prefix(job) + name, path)
    return {"name": name, "path": blob.path, "generation": blob.generation, "size_bytes": blob.size_bytes}
