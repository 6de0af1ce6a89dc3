"""The API as one ASGI application."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from fastapi import FastAPI
from starlette.types import Lifespan

import krai
from krai.admission import Admission
from krai.api import (
    card,
    dashboard as dashboard_routes,
    datasets,
    deliveries,
    docs_page,
    events,
    export_files,
    exports,
    files,
    grants,
    imports,
    jobs,
    keys,
    manifest_keys as manifest_keys_routes,
    me,
    openapi,
    problems,
    results,
    session,
    settings as settings_routes,
    socket,
    status,
    uploads,
    users,
    webhook_secrets,
    webhooks,
)
from krai.api.cors import Cors
from krai.api.deps import Api
from krai.api.edge import Edge
from krai.api.lasting import Callers
from krai.api.limits import RateLimit
from krai.api.quotas import Quotas
from krai.feed import Feed
from krai.identity.sign_in import SignIn
from krai.identity.tokens import Tokens
from krai.outbound.connect import Outbound
from krai.ports import ServedBlobs, Stores
from krai.settings import Settings

PATIENCE_S = 20.0
TESTS_AT_ONCE = 8
DESCRIPTION = """Bulk exports and imports as jobs.

`POST` an export or an import, follow the job it answers with, then fetch its result. Every failure is an
`application/problem+json` whose `code` is explained under `/problems`. Jobs are created at most once per `Idempotency-Key`.
`GET /ws` is a WebSocket with the changes of all jobs you may see, as `{"event": "job", "id": …, "data": the job}`, from when it opens.
Any address may answer 400 to what is no HTTP, 405 to another method, with `Allow`, and 431 to more than 100 headers or 32 KiB of them.
"""
TAGS = [
    {"name": "jobs", "description": "Exports and imports, from the request to the end."},
    {"name": "results", "description": "What came of a job."},
    {"name": "datasets", "description": "What there is to export."},
    {"name": "uploads", "description": "Files on their way to an import."},
    {"name": "webhooks", "description": "What krai calls when jobs have ended."},
    {"name": "access", "description": "API keys, signing in and who may, and what admins set for all."},
    {"name": "service", "description": "The service itself."},
]
BODIES = (
    exports.ExportBody,
    imports.ImportBody,
    uploads.UploadBody,
    jobs.NoBody,
    jobs.RetryBody,
    keys.KeyBody,
    keys.RotateBody,
    users.UserBody,
    grants.GrantBody,
    settings_routes.SettingBody,
    webhooks.WebhookBody,
    webhooks.WebhookChange,
)


def create_app(
    settings: Settings,
    stores: Stores,
    *,
    stopping: asyncio.Event | None = None,
    lifespan: Lifespan[FastAPI] | None = None,
    tokens: Tokens | None = None,
    patience_s: float = PATIENCE_S,
    manifest_keys: Sequence[dict[str, str]] = (),
    outbound: Outbound | None = None,
    dashboard: Path | None = None,
) -> FastAPI:
    """`stopping`: set it before the server is stopped, so that clients that wait for a job do not hold that up.

    `tokens`: whose ID tokens are taken, and where people sign in; None: nobody's. `patience_s`: how long a request's body may take.
    `manifest_keys`: the public keys of manifests, as JWKs. `outbound`: the way to webhooks; None: to the public internet.
    `dashboard`: the folder of a built one.
    """
    docs, stopping = settings.docs == "on", stopping or asyncio.Event()
    app = FastAPI(
        title="krai",
        version=krai.__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/openapi.json" if docs else None,
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.api = Api(
        settings=settings,
        stores=stores,
        admission=Admission(stores, settings.api_key, tokens),
        creates=RateLimit("create", settings.rate_limit_create, settings.rate_limit_storage, settings.deployment, exact=True),
        reads=RateLimit("read", settings.rate_limit_read, settings.rate_limit_storage, settings.deployment, exact=False),
        quotas=Quotas(stores, settings),
        feed=Feed(stores.jobs, stopping),
        callers=Callers(),
        sign_in=None if tokens is None else SignIn(tokens),
        stopping=stopping,
        patience_s=patience_s,
        manifest_keys=manifest_keys,
        outbound=outbound or Outbound(),
        tests=asyncio.Semaphore(TESTS_AT_ONCE),
        dashboard=dashboard,
    )
    problems.install(app)
    if settings.origins:
        app.add_middleware(Cors, origins=settings.origins)
    app.add_middleware(Edge, https=(settings.public_url or "").startswith("https://"), uploads_to=dashboard_routes.uploads_to(settings))
    access = (me, keys, users, grants, settings_routes, session)
    told = (webhook_secrets, webhooks, deliveries)  # the first one's address looks like a webhook's
    service = (card, status, manifest_keys_routes, docs_page) if docs else (card, status, manifest_keys_routes)
    for noun in (*service, exports, imports, jobs, events, results, export_files, uploads, datasets, socket, *told, *access):
        app.include_router(noun.router)
    app.include_router(dashboard_routes.router)
    if isinstance(stores.blobs, ServedBlobs):
        app.include_router(files.router)
    openapi.install(app, BODIES)
    return app
