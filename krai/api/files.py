"""Files of a blob store without a server of its own: `GET /files/…` answers its links, `PUT /uploads/…` takes its uploads.

The address itself is the credential: it is signed, says what it is for, and ends.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from krai.api import openapi
from krai.api.answers import Answer
from krai.api.deps import Api, ApiOf
from krai.attachment import disposition, media_type
from krai.errors import Terminal
from krai.ports import BlobStore, OpenUpload, ServedBlobs

router = APIRouter(tags=["uploads"])
PIECE_BYTES = 1 << 20  # one write to the disk
RANGE = re.compile(r"bytes (?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)", re.ASCII)
ONE_RANGE = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
FILE = {"*/*": {"schema": {"type": "string", "format": "binary"}, "example": "id,name\n1,Ada\n"}}
FILE_HEADERS = {
    "content-disposition": {"description": "an attachment and its name", "schema": {"type": "string"}},
    "etag": {"description": "for If-Range", "schema": {"type": "string"}},
    "content-range": {"description": "which part, of how much", "schema": {"type": "string"}},
}


class Uploaded(Answer):
    size_bytes: int


@router.head("/files/{path:path}", include_in_schema=False)
@router.get(
    "/files/{path:path}",
    summary="Download a file",
    description="A link of a result. `Range` with one range is honoured.",
    response_class=FileResponse,
    responses={
        200: {"description": "The file", "headers": FILE_HEADERS, "content": FILE},
        206: {"description": "A part of it", "headers": FILE_HEADERS, "content": FILE},
        **openapi.fails("invalid_link", "not_found", "range_not_satisfiable", "internal"),
    },
)
async def download(path: str, request: Request, api: ApiOf) -> Response:
    file, name = await asyncio.to_thread(_served(api.stores.blobs).resolve_link, path, _query(request))
    try:
        found = await asyncio.to_thread(file.stat)
    except FileNotFoundError:
        raise Terminal("not_found") from None  # deleted in this very moment
    _check_range(request, found.st_size)
    headers = {"content-disposition": disposition(name), "cache-control": "private, no-store"}
    return FileResponse(file, headers=headers, media_type=media_type(name), stat_result=found)


@router.put(
    "/uploads/{path:path}",
    summary="Send the bytes of an upload",
    description="As Cloud Storage's resumable uploads have it. Without `Content-Range` the body is the whole file, which is"
    " taken while nothing has arrived. Bytes that come again are not stored again; a finished file stays as it is."
    " With `Content-MD5` or `x-goog-hash` the file appears only if it has that digest.",
    responses={
        **openapi.gives(200, Uploaded, "The file is complete", {"size_bytes": 1048576}),
        308: {"description": "`Range` says what has arrived; without it nothing has"},
        **openapi.fails(
            *("invalid_link", "not_found", "upload_conflict", "upload_range", "upload_mismatch", "too_large"),
            *("request_timeout", "store_busy", "internal"),
        ),
    },
    openapi_extra={
        "parameters": [
            {
                "name": "Content-Range",
                "in": "header",
                "schema": {"type": "string", "pattern": f"^{RANGE.pattern}$"},
                "example": "bytes 0-524287/1048576",
            },
        ],
        "requestBody": {"content": {"application/octet-stream": {"example": "id,name\n1,Ada\n"}}},
    },
)
async def upload(path: str, request: Request, api: ApiOf) -> Response:
    piece = _piece(request)
    blobs = _served(api.stores.blobs)
    session = await asyncio.to_thread(blobs.resume_upload, path, _query(request))
    try:
        return await _receive(session, piece, request, api)
    finally:
        await asyncio.to_thread(session.close)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a PUT says it brings: the bytes `first` to `last` of `total`. Without `first` it only asks how far the upload is."""

    first: int | None
    last: int | None  # None: to the end of the body
    total: int | None  # None: not known yet
    whole: bool = False


def _piece(request: Request) -> _Piece:
    """Raises Terminal upload_range."""
    header = request.headers.get("content-range")
    if header is None:
        return _Piece(0, None, None, whole=True)
    found = RANGE.fullmatch(header)
    if found is None:
        raise Terminal("upload_range")
    first, last, total = (None if part in {None, "*"} else int(part) for part in found.groups())
    if first is not None and last is not None and (last < first or (total is not None and last >= total)):
        raise Terminal("upload_range")
    return _Piece(first, last, total)


async def _receive(session: OpenUpload, piece: _Piece, request: Request, api: Api) -> Response:
    largest_bytes = api.settings.max_source_mb << 20
    length = request.headers.get("content-length")
    total = int(length) if piece.whole and length is not None else piece.total
    _check_total(session, total, largest_bytes)
    if session.complete:
        return _done(session)  # the answer to the last piece was lost, or somebody asks: nothing is written
    if piece.first is not None:
        if piece.first > session.received_bytes or (piece.whole and session.received_bytes):
            raise Terminal("upload_conflict", f"{session.received_bytes} bytes have arrived; go on from there.")
        await _append(session, piece, _pieces(request, api.patience_s), largest_bytes)
    known = total if total is not None else session.expected_bytes
    if piece.whole or (known is not None and session.received_bytes == known):
        await asyncio.to_thread(session.finish, _digests(request, piece))
        return _done(session)
    arrived = {"range": f"bytes=0-{session.received_bytes - 1}"} if session.received_bytes else {}
    return Response(status_code=308, headers=arrived)


def _digests(request: Request, piece: _Piece) -> list[tuple[str, str]]:
    """What the whole file must have: `x-goog-hash` says it of the file, `Content-MD5` (RFC 1864) of a body that is all of it."""
    said = [part.strip().partition("=")[::2] for part in request.headers.get("x-goog-hash", "").split(",")]
    md5 = request.headers.get("content-md5")
    return [*said, *([("md5", md5)] if md5 is not None and piece.first == 0 else [])]


def _check_total(session: OpenUpload, total: int | None, largest_bytes: int) -> None:
    """Raises Terminal upload_conflict when the size is another than was agreed or has arrived, too_large."""
    if total is None:
        return
    agreed = session.received_bytes if session.complete else session.expected_bytes
    if agreed is not None and total != agreed:
        raise Terminal("upload_conflict", f"The upload is of {agreed} bytes.")
    if total > largest_bytes:
        raise Terminal("too_large", f"A file may have at most {largest_bytes >> 20} MiB.")


async def _append(session: OpenUpload, piece: _Piece, body: AsyncIterator[bytes], largest_bytes: int) -> None:
    """Write the body, without the bytes that have arrived before. What arrives before a failure is kept."""
    position = piece.first or 0
    async for data in body:
        end = position + len(data)
        if piece.last is not None and end > piece.last + 1:
            raise Terminal("upload_range", "The body is longer than Content-Range says.")
        if end > largest_bytes:
            raise Terminal("too_large", f"A file may have at most {largest_bytes >> 20} MiB.")
        fresh = data[max(0, session.received_bytes - position) :]
        if fresh:
            await asyncio.to_thread(session.append, fresh)
        position = end
    if piece.last is not None and position != piece.last + 1:
        raise Terminal("upload_range", "The body is shorter than Content-Range says.")


async def _pieces(request: Request, patience_s: float) -> AsyncIterator[bytes]:
    """The body in pieces worth a write; memory holds one of them. Raises Terminal request_timeout."""
    gathered = bytearray()
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout(patience_s):
                gathered += await anext(stream)
        except StopAsyncIteration:
            break
        except (TimeoutError, ClientDisconnect):
            if gathered:
                yield bytes(gathered)
            raise Terminal("request_timeout") from None
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _done(session: OpenUpload) -> Response:
    return Response(Uploaded(size_bytes=session.received_bytes).model_dump_json(), media_type="application/json")


def _check_range(request: Request, size_bytes: int) -> None:
    """Leave only a range that can be answered: others are ignored (RFC 9110, 14.2), one beyond the end is refused.

    Raises Terminal range_not_satisfiable.
    """
    header = request.headers.get("range")
    if header is None:
        return
    found = ONE_RANGE.fullmatch(header)
    first, last = found.groups() if found else ("", "")
    beyond = int(first) >= size_bytes if first else not size_bytes or not int(last or 0)
    backwards = bool(first and last) and int(last) < int(first)
    if not (first or last) or backwards or (beyond and "if-range" in request.headers):
        request.scope["headers"] = [pair for pair in request.scope["headers"] if pair[0] != b"range"]
    elif beyond:
        request.scope["answer_headers"].append((b"content-range", f"bytes */{size_bytes}".encode()))
        raise Terminal("range_not_satisfiable")


def _served(blobs: BlobStore) -> ServedBlobs:
    if not isinstance(blobs, ServedBlobs):
        raise Terminal("not_found")
    return blobs


def _query(request: Request) -> str:
    query: bytes = request.scope["query_string"]
    return query.decode("latin-1")
