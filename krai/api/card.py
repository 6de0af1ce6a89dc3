"""What krai is and how it feels: `/`, `/healthz`, `/readyz`, `/problems`."""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

import krai
from krai import observe
from krai.api import openapi, pages
from krai.api.answers import Answer
from krai.api.deps import ApiOf, BaseUrl
from krai.errors import PROBLEMS, Problem, Terminal

router = APIRouter(tags=["service"])
CHECK_TIMEOUT_S = 2.0


class Card(Answer):
    service: str
    version: str
    mode: str
    customer: str
    response: str
    links: dict[str, str]


class Health(Answer):
    status: str


class Readiness(Answer):
    """One line per dependency: `ok` or `failed`."""

    status: str
    checks: dict[str, str]


class ProblemPage(Answer):
    code: str
    status: int
    title: str
    remedy: str


CARD = {
    "service": "krai",
    "version": krai.__version__,
    "mode": "embedded",
    "customer": "ACME",
    "response": "Hello from ACME!",
    "links": {"jobs": "http://127.0.0.1:8080/api/v1/jobs", "docs": "http://127.0.0.1:8080/docs"},
}
READY = {"jobs": "ok", "queue": "ok", "blobs": "ok", "directory": "ok"}


@router.get("/", summary="The service card", responses=openapi.gives(200, Card, "Who answers here", CARD))
async def card(api: ApiOf, base_url: BaseUrl) -> Response:
    paths = {
        "exports": "/api/v1/exports",
        "imports": "/api/v1/imports",
        "uploads": "/api/v1/uploads",
        "jobs": "/api/v1/jobs",
        "datasets": "/api/v1/datasets",
        "health": "/healthz",
        "ready": "/readyz",
        "problems": "/problems",
    }
    if api.settings.docs == "on":
        paths |= {"docs": "/docs", "openapi": "/openapi.json"}
    if api.sign_in is not None:
        paths["login"] = "/login"
    if api.dashboard is not None:
        paths["dashboard"] = "/ui"
    customer = api.settings.customer_name
    answer = Card(
        service="krai",
        version=krai.__version__,
        mode=api.settings.mode.value,
        customer=customer,
        response=api.settings.customer_greeting or f"Hello from {customer}!",
        links={name: f"{base_url}{path}" for name, path in paths.items()},
    )
    return Response(answer.model_dump_json(), media_type="application/json")


@router.get("/healthz", summary="Is the process alive?", responses=openapi.gives(200, Health, "It is", {"status": "ok"}))
async def healthz() -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(
    "/readyz",
    summary="Can it work?",
    responses={
        **openapi.gives(200, Readiness, "Every store answers", {"status": "ok", "checks": READY}),
        **openapi.gives(503, Readiness, "One does not", {"status": "failed", "checks": {**READY, "queue": "failed"}}),
    },
)
async def readyz(api: ApiOf) -> Response:
    stores = api.stores
    names = ("jobs", "queue", "blobs", "directory")
    blobs = asyncio.to_thread(stores.blobs.check)
    checks = (stores.jobs.check(), stores.queue.check(), blobs, stores.directory.check())
    found = dict(zip(names, await asyncio.gather(*map(_check, names, checks)), strict=True))
    ready = set(found.values()) == {"ok"} and not api.stopping.is_set()
    status = "ok" if ready else "failed"
    headers = {"cache-control": "no-store"} | ({} if ready else {"retry-after": "2"})
    return JSONResponse({"status": status, "checks": found}, 200 if ready else 503, headers)


@router.get(
    "/problems",
    summary="All problems",
    responses=openapi.gives(200, list[ProblemPage], "By code", [asdict(PROBLEMS["not_found"])]),
)
async def problems() -> Response:
    return JSONResponse([asdict(problem) for problem in PROBLEMS.values()])


@router.get(
    "/problems/{code}",
    summary="What a problem means and what to do",
    responses={
        **openapi.gives(200, ProblemPage, "As JSON, or as a page for browsers", asdict(PROBLEMS["not_found"])),
        **openapi.fails("not_found"),
    },
)
async def problem(code: str, request: Request) -> Response:
    found: Problem | None = PROBLEMS.get(code)
    if found is None:
        raise Terminal("not_found")
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(pages.problem(found))
    return JSONResponse(asdict(found))


async def _check(name: str, check: Awaitable[None]) -> str:
    """`ok` or `failed`: what exactly is wrong stands in the log, not in an answer that needs no credential."""
    try:
        await asyncio.wait_for(check, CHECK_TIMEOUT_S)
    except Exception:
        # Whatever it is: this store cannot be worked with now, and the caller is told so.
        log = observe.log(store=name)
        log.warning("not ready", exc_info=True)
        return "failed"
    return "ok"
