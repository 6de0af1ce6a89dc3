"""Accept what callers ask for: check what can be known at once, write the job with its idempotency record, wake a worker.

Preparing a job (`export`, `import_`, `drop`) and accepting it (`accept`) are two steps, because the record that is written
with the job holds the answer its caller gets.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from krai import failpoint, metrics, observe, transitions
from krai.errors import FieldError, KraiError, Terminal
from krai.job import Callback, Job, Kind, format_time, new_id, parse_time
from krai.outbound import urls
from krai.outbound.addresses import NotPublic
from krai.ports import Blob, IdempotencyRecord, Stores, UploadSession
from krai.selection import check_export

UPLOAD_TTL_S = 24 * 3600
LARGEST_INLINE_BYTES = 1 << 20
SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What every request for a job says. `params` is the request as clients see it, defaults filled in."""

    dataset: str
    created_by: str
    tenant: str | None = None
    max_attempts: int
    params: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""
    callback: Callback | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """A source that operators have registered."""

    name: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    upload_id: str


@dataclass(frozen=True, slots=True)
class Remote:
    url: str
    allowed: bool  # whether this deployment imports from URLs at all


@dataclass(frozen=True, slots=True)
class Object:
    """A file in a bucket of Cloud Storage that is not krai's."""

    bucket: str
    name: str


@dataclass(frozen=True, slots=True)
class Inline:
    records: Sequence[dict[str, Any]]


Source = Registered | Uploaded | Remote | Object | Inline


async def export(stores: Stores, order: Order) -> Job:
    """The export job of `order`, not yet written. Raises Terminal dataset_not_found, unknown_column, invalid_filter."""
    await check_export(stores, order.dataset, order.params)
    return _job(stores, Kind.EXPORT, order)


async def import_(stores: Stores, order: Order, source: Source) -> Job:
    """The import job of `order`, not yet written; inline records are stored already.

    Raises Terminal unknown_source, unknown_upload, upload_incomplete, url_imports_off, invalid_source_url, source_blocked,
    source_missing, unknown_column.
    """
    await _check_key(stores, order)
    place, shown = await _locate(stores, order, source)
    return _job(stores, Kind.IMPORT, order, params={**order.params, **shown}, source=place)


async def check_import(stores: Stores, order: Order, source: Source) -> None:
    """Raises what `import_` raises, and stores nothing."""
    await _check_key(stores, order)
    if isinstance(source, Inline):
        _lines(source.records)
    else:
        await _locate(stores, order, source)


async def drop(stores: Stores, order: Order) -> Job:
    """The job that removes the dataset which is there now, not yet written. Raises Terminal dataset_not_found."""
    dataset = await stores.jobs.get_dataset(order.dataset)
    if dataset is None:
        raise Terminal("dataset_not_found")
    return _job(stores, Kind.DROP, order, params={"snapshot_id": dataset.snapshot_id})


async def accept(stores: Stores, job: Job, record: IdempotencyRecord | None = None) -> IdempotencyRecord | None:
    """Write the job and wake a worker, unless the job is held.

    Returns the earlier record when `record.scope` was taken: then there is no new job.
    """
    written = await stores.jobs.create(job, record)
    if isinstance(written, IdempotencyRecord):
        return written
    metrics.job_accepted(job.type)
    failpoint.reach("after_create")
    log = observe.log(job_id=job.job_id, **observe.trace_of(job.traceparent))
    try:
        if not written.held:
            await stores.queue.publish(written)
    except Exception as error:
        # The job is written, so its caller gets it; the sweep publishes it.
        log.warning("job not published", error=type(error).__name__, exc_info=not isinstance(error, KraiError))
    failpoint.reach("after_publish")
    log.info("job accepted", type=job.type, dataset=job.dataset, created_by=job.created_by, tenant=job.tenant, held=job.held)
    return None


def callback(url: str | None, base_url: str, *, allowed: bool) -> Callback | None:
    """What to do when the job has ended. What only the resolver knows of a URL fails the call later.

    Raises Terminal callbacks_off, webhook_blocked.
    """
    if url is None:
        return None
    check_callback(url, "/callback_url", allowed=allowed)
    return Callback(url=url, base_url=base_url)


def check_callback(url: str, pointer: str, *, allowed: bool) -> None:
    """Raises Terminal callbacks_off, webhook_blocked, for the field at `pointer`."""
    if not allowed:
        raise Terminal("callbacks_off", errors=[FieldError(pointer, "callbacks_off", "Callbacks are switched off.")])
    try:
        urls.check(url)
    except (urls.Malformed, NotPublic):
        detail = f"Takes an https:// URL of at most {urls.LONGEST_BYTES} bytes, with the name of a host on the public internet."
        raise Terminal("webhook_blocked", errors=[FieldError(pointer, "webhook_blocked", detail)]) from None


async def open_upload(
    stores: Stores, owner: str, *, size_bytes: int | None, filename: str | None, origin: str | None = None
) -> tuple[str, UploadSession]:
    """A new upload id and where its file is to be PUT, by the browser page of this `origin` (RFC 6454) if it is one."""
    upload_id = await _note_upload(stores, owner, size_bytes=size_bytes, filename=filename)
    path = _upload_path(upload_id)
    session = await asyncio.to_thread(stores.blobs.open_upload, path, size_bytes=size_bytes, ttl_s=UPLOAD_TTL_S, origin=origin)
    return upload_id, session


async def _check_key(stores: Stores, order: Order) -> None:
    """Raises Terminal unknown_column when a key names a column that the dataset does not have, nor may get."""
    key = order.params.get("key")
    dataset = await stores.jobs.get_dataset(order.dataset) if key and not order.params.get("evolve") else None
    known = {column.name for column in dataset.columns} if dataset else set(key or ())
    if unknown := [number for number, name in enumerate(key or ()) if name not in known]:
        detail = f"The dataset {order.dataset} has no such column."
        raise Terminal("unknown_column", detail, errors=[FieldError(f"/key/{number}", "unknown_column", detail) for number in unknown])


async def check_source(stores: Stores, source: dict[str, Any] | None) -> None:
    """Raises Terminal source_missing, source_changed when an import's file is not the one its job was accepted with."""
    path = (source or {}).get("path")
    if source is None or path is None or "bucket" in source:
        return
    found = await asyncio.to_thread(stores.blobs.stat, path)
    if found is None:
        raise Terminal("source_missing")
    if found.generation != source["generation"]:
        raise Terminal("source_changed")


def _job(stores: Stores, kind: Kind, order: Order, *, params: dict[str, Any] | None = None, source: dict[str, Any] | None = None) -> Job:
    return transitions.new(
        kind,
        order.dataset,
        order.params if params is None else params,
        created_by=order.created_by,
        tenant=order.tenant,
        now=stores.jobs.now(),
        source=source,
        labels=order.labels,
        description=order.description,
        max_attempts=order.max_attempts,
        callback=order.callback,
    )


async def _locate(stores: Stores, order: Order, source: Source) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where the bytes are, and what its caller sees of that."""
    match source:
        case Registered(name):
            place, known_format = await _registered(stores, name)
            told = {"format": known_format} if known_format and order.params.get("format") == "auto" else {}
            return place, {"source": name, **told}
        case Uploaded(upload_id):
            return await uploaded(stores, upload_id, order.created_by), {"source": {"upload_id": upload_id}}
        case Remote(url, allowed):
            parts = _public(url, allowed=allowed)
            # The query may hold a signature: it is kept for the worker and shown to nobody.
            return {"url": url}, {"source": {"url": f"https://{parts.netloc}{parts.path}"}}
        case Object(bucket, name):
            return {"bucket": bucket, "path": name}, {"source": {"uri": f"gs://{bucket}/{name}"}}
        case Inline(records):
            place = await _stored(stores, records, order.created_by)
            return place, {"source": {"records": len(records)}, "format": "ndjson", "compression": "none"}


async def _registered(stores: Stores, name: str) -> tuple[dict[str, Any], str | None]:
    doc = await stores.directory.get("sources", name) if SOURCE_NAME.fullmatch(name) else None
    if doc is None:
        raise Terminal("unknown_source", errors=[FieldError("/source", "unknown_source", "Takes the name of a registered source.")])
    found = await asyncio.to_thread(stores.blobs.stat, doc["path"])
    if found is None:
        raise Terminal("source_missing", "The file of this registered source is gone.")
    return _place(found), doc.get("format")


async def uploaded(stores: Stores, upload_id: str, owner: str) -> dict[str, Any]:
    """Where a finished upload of the owner's is. Raises Terminal unknown_upload, upload_incomplete."""
    doc = await stores.directory.get("uploads", upload_id)
    # Somebody else's upload answers like none at all.
    if doc is None or doc["owner"] != owner or parse_time(doc["expires_at"]) <= stores.jobs.now():
        raise Terminal("unknown_upload", errors=[FieldError("/source/upload_id", "unknown_upload", "Takes the id of an open upload.")])
    found = await asyncio.to_thread(stores.blobs.stat, _upload_path(upload_id))
    if found is None:
        raise Terminal("upload_incomplete")
    return _place(found)


async def _stored(stores: Stores, records: Sequence[dict[str, Any]], owner: str) -> dict[str, Any]:
    """Write inline records as a file, so that a worker finds them as it finds an upload."""
    lines = _lines(records)
    # Noted before it is written: a crash between the two leaves nothing that the sweep does not find.
    upload_id = await _note_upload(stores, owner, size_bytes=len(lines), filename=None)

    def put() -> Blob:
        with tempfile.TemporaryDirectory(prefix="krai-") as folder:
            file = Path(folder) / "records.ndjson"
            file.write_bytes(lines)
            return stores.blobs.put(_upload_path(upload_id), file)

    return _place(await asyncio.to_thread(put))


def _lines(records: Sequence[dict[str, Any]]) -> bytes:
    """As NDJSON. Raises Terminal too_large."""
    lines = "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records).encode()
    if len(lines) > LARGEST_INLINE_BYTES:
        raise Terminal("too_large", "Inline records may have at most 1 MiB; upload larger files.")
    return lines


async def _note_upload(stores: Stores, owner: str, *, size_bytes: int | None, filename: str | None) -> str:
    upload_id = new_id()
    expires_at = format_time(stores.jobs.now() + timedelta(seconds=UPLOAD_TTL_S))
    doc = {"owner": owner, "size_bytes": size_bytes, "filename": filename, "expires_at": expires_at}
    await stores.directory.put("uploads", upload_id, doc)
    return upload_id


def _public(url: str, *, allowed: bool) -> SplitResult:
    """What only the resolver knows of a URL fails the job later."""
    if not allowed:
        raise Terminal("url_imports_off")
    try:
        return urls.check(url)
    except urls.Malformed:
        detail = f"Takes an https:// URL of at most {urls.LONGEST_BYTES} bytes, with a plain host name and without user name and password."
        raise Terminal("invalid_source_url", errors=[FieldError("/source/url", "invalid_source_url", detail)]) from None
    except NotPublic:
        detail = "Takes the name of a host on the public internet, not an address."
        raise Terminal("source_blocked", errors=[FieldError("/source/url", "source_blocked", detail)]) from None


def _upload_path(upload_id: str) -> str:
    return f"uploads/{upload_id}"


def _place(blob: Blob) -> dict[str, Any]:
    return {"path": blob.path, "generation": blob.generation}
