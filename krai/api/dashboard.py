"""`/ui`: the built dashboard, where there is one, and what it has to know of this deployment."""

import asyncio
import json
import mimetypes
from pathlib import Path
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from krai.api.deps import Api, ApiOf
from krai.errors import Terminal
from krai.identity.issuers import host_of
from krai.settings import Mode, Settings

router = APIRouter(include_in_schema=False)
INDEX = "index.html"
HASHED = "assets/"  # names in there change with what is in the file
FOREVER, ASK_EACH_TIME = "public, max-age=31536000, immutable", "no-cache"
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml", ".woff2": "font/woff2"}


@router.get("/ui/config.js")
async def show_config(api: ApiOf) -> Response:
    """What a build does not know: one build serves every deployment. Nothing in it is secret."""
    config = {"apiUrl": "", "customer": api.settings.customer_name, "signIn": _ways(api)}
    # ASCII alone, so that no text can end a line of the script.
    return Response(f"window.KRAI = {json.dumps(config)}\n", media_type="text/javascript", headers={"cache-control": ASK_EACH_TIME})


@router.get("/ui")
@router.get("/ui/{path:path}")
async def show_dashboard(request: Request, api: ApiOf, path: str = "") -> Response:
    """A file of the build. Any other address is one of the dashboard's pages, which its script tells apart."""
    folder = api.dashboard
    if folder is None:
        raise Terminal("not_found", "There was no dashboard when krai was started: `make dashboard` builds it, then start krai again.")
    file = await asyncio.to_thread(_find, folder, path)
    if file is None and path.startswith(HASHED):
        raise Terminal("not_found")
    shown = file or folder / INDEX
    headers = {"cache-control": FOREVER if path.startswith(HASHED) else ASK_EACH_TIME, "vary": "accept-encoding"}
    media_type = MEDIA_TYPES.get(shown.suffix) or mimetypes.guess_type(shown.name)[0] or "application/octet-stream"
    packed = shown.with_name(f"{shown.name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and await asyncio.to_thread(packed.is_file):
        shown, headers["content-encoding"] = packed, "gzip"
    return FileResponse(shown, media_type=media_type, headers=headers)


def uploads_to(settings: Settings) -> str | None:
    """The origin that browsers send uploads to; None: krai's own."""
    return (settings.storage_emulator or "https://storage.googleapis.com") if settings.mode is Mode.GCP else None


def _find(folder: Path, path: str) -> Path | None:
    """The file at `path`; None when there is none, or when it is not in the folder."""
    try:
        file = (folder / path).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except (OSError, ValueError):
        return None  # no file can have such a name


def _ways(api: Api) -> list[dict[str, str]]:
    """Where people can sign in, besides with an API key."""
    issuers = () if api.sign_in is None else api.sign_in.issuers
    return [
        {
            "name": "Google" if one.tenant == "google" else f"{one.tenant} ({host_of(one)})",
            "url": f"/login?{urlencode({'issuer': one.issuer})}",
        }
        for one in issuers
    ]
