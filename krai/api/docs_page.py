"""`GET /docs`: Swagger UI, with its script and style from krai itself. It works without the internet, and no other host learns who
reads it.
"""

from importlib.resources import files

import fastapi_offline
from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import FileResponse, Response

router = APIRouter(include_in_schema=False)
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}


@router.get("/docs")
async def show_docs() -> Response:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="krai",
        swagger_js_url="/docs/swagger-ui-bundle.js",
        swagger_css_url="/docs/swagger-ui.css",
        swagger_favicon_url="/docs/favicon.png",
    )


def _serve(name: str, media_type: str) -> None:
    file = str(files(fastapi_offline) / "static" / name)

    @router.get(f"/docs/{name}")
    async def show_asset() -> Response:
        return FileResponse(file, media_type=media_type, headers={"cache-control": "max-age=86400"})


for asset, media_type in ASSETS.items():
    _serve(asset, media_type)
