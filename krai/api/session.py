"""`/login`, `/callback`, `/logout`: from a browser to a session, and out of it."""

import hmac
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from krai import login_state, observe, sessions
from krai.api import cookies, openapi, pages, same_origin
from krai.api.cookies import Cookie
from krai.api.deps import Api, ApiOf, BaseUrl
from krai.errors import Terminal
from krai.identity.issuers import Issuer, host_of, is_on_loopback
from krai.identity.sign_in import Handshake, SignIn
from krai.identity.tokens import Identity
from krai.login_state import LoginState

router = APIRouter(tags=["access"])
HOUR_S = 3600
SEE_OTHER = 303
# A path of this host: a browser reads // and /\ as the beginning of another one, and drops tabs and line breaks.
LOCAL_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1023}", re.ASCII)
CALLBACK = "/callback"
AWAY = {"location": {"description": "where the browser goes next", "schema": {"type": "string", "format": "uri"}}}
GOES = {**openapi.REQUEST_ID, **AWAY, "set-cookie": {"description": "HttpOnly", "schema": {"type": "string"}}}
LOGIN_PAGE = {"text/html": {"schema": {"type": "string"}, "example": pages.providers([("acme (sign-in.acme.example)", "login?issuer=…")])}}


def _query(name: str, description: str, example: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": {"type": "string"}, "example": example}


@router.get(
    "/login",
    summary="Sign in from a browser",
    description="Leads to the identity provider, and from there by `/callback` to `next` with a session cookie. With several providers and"
    " none chosen: a page to choose on.",
    response_class=HTMLResponse,
    responses={
        200: {"description": "Providers to choose from", "headers": openapi.REQUEST_ID, "content": LOGIN_PAGE},
        303: {"description": "To the provider", "headers": GOES},
        **openapi.fails("invalid_argument", "login_failed", "not_found", "internal", "auth_unavailable", "store_busy", "not_ready"),
    },
    openapi_extra={
        "parameters": [
            _query("issuer", "The provider, by its URL, where there are several.", "https://accounts.google.com"),
            _query("next", "A path of krai to go to at the end; `/docs`, or `/` where that is off, without.", "/docs"),
        ]
    },
)
async def login(request: Request, api: ApiOf, base_url: BaseUrl) -> Response:
    sign_in = _sign_in(api)
    issuer = _chosen(sign_in, _once(request, "issuer"))
    then = _then(api, _once(request, "next"))
    if not base_url.startswith("https://") and not is_on_loopback(base_url):
        raise Terminal("login_failed", "Browsers sign in over https; KRAI_PUBLIC_URL says where, when a proxy hides it.")
    if issuer is None:
        return HTMLResponse(pages.providers((f"{one.tenant} ({host_of(one)})", _link(one, then)) for one in sign_in.issuers))
    handshake = Handshake(issuer=issuer.issuer)
    place = await sign_in.begin(handshake, base_url + CALLBACK)
    sealed = await login_state.seal(api.stores.directory, LoginState(handshake, then), api.stores.jobs.now())
    answer = RedirectResponse(place, SEE_OTHER)
    answer.raw_headers.append(cookies.give(Cookie.LOGIN, sealed, base_url=base_url, lives_s=login_state.LIVES_S))
    return answer


@router.get(
    CALLBACK,
    summary="Come back from the identity provider",
    description="Not for clients: the provider sends the browser here, which must be the one that has been at `/login`, within"
    " ten minutes.",
    status_code=303,
    response_class=RedirectResponse,
    responses={
        303: {"description": "Signed in: to where `/login` was asked to lead", "headers": GOES},
        **openapi.fails("login_failed", "not_allowed", "not_found", "internal", "auth_unavailable", "store_busy", "not_ready"),
    },
    openapi_extra={
        "parameters": [
            _query("code", "What the provider takes back for an ID token.", "…"),
            _query("state", "What `/login` has sent.", "…"),
            _query("iss", "The provider's URL (RFC 9207).", "https://accounts.google.com"),
            _query("error", "Why there is no code (RFC 6749, 4.1.2.1).", "access_denied"),
        ]
    },
)
async def callback(request: Request, api: ApiOf, base_url: BaseUrl) -> Response:
    sign_in = _sign_in(api)
    # Whatever comes of it: the sign-in is over.
    request.scope["answer_headers"].append(cookies.take(Cookie.LOGIN, base_url=base_url))
    begun = await _begun(request, api, base_url)
    identity = await _identity(request, sign_in, begun.handshake, base_url)
    lives = timedelta(hours=api.settings.session_hours)
    text = await api.admission.sign_in(identity, lives=lives)
    await _end_session(request, api, base_url)
    answer = RedirectResponse(base_url + begun.then, SEE_OTHER)
    answer.raw_headers.append(cookies.give(Cookie.SESSION, text, base_url=base_url, lives_s=int(lives.total_seconds())))
    return answer


@router.post(
    "/logout",
    summary="Sign out",
    description="Ends the session of the cookie, if there is one, and removes the cookie. The identity provider is not told.",
    status_code=204,
    responses={
        204: {"description": "Signed out"},
        303: {"description": "Signed out, for a browser that shows pages: to `/`", "headers": GOES},
        **openapi.fails("csrf", "internal", "store_busy", "not_ready"),
    },
)
async def logout(request: Request, api: ApiOf, base_url: BaseUrl) -> Response:
    if cookies.read(request, Cookie.SESSION, base_url):
        same_origin.insist(request, base_url)
        await _end_session(request, api, base_url)
    page = "text/html" in request.headers.get("accept", "")
    answer = RedirectResponse(f"{base_url}/", SEE_OTHER) if page else Response(status_code=204)
    answer.raw_headers.append(cookies.take(Cookie.SESSION, base_url=base_url))
    return answer


def _sign_in(api: Api) -> SignIn:
    if api.sign_in is None:
        raise Terminal("not_found", "This deployment knows no identity provider: GOOGLE_CLIENT_ID or KRAI_OIDC_ISSUERS names one.")
    return api.sign_in


def _once(request: Request, name: str) -> str | None:
    """RFC 6749, 3.1: no parameter comes twice, and one without a value was not sent. Raises Terminal invalid_argument."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise Terminal("invalid_argument", f"{name}: it may be sent once.")
    return values[0] if values and values[0] else None


def _chosen(sign_in: SignIn, wanted: str | None) -> Issuer | None:
    """None: it is still to be chosen. Raises Terminal invalid_argument."""
    if wanted is None:
        return sign_in.issuers[0] if len(sign_in.issuers) == 1 else None
    found = next((issuer for issuer in sign_in.issuers if issuer.issuer == wanted), None)
    if found is None:
        raise Terminal("invalid_argument", "issuer: no identity provider of this deployment has that URL.")
    return found


def _then(api: Api, wanted: str | None) -> str:
    """Raises Terminal invalid_argument."""
    if wanted is None:
        return "/docs" if api.settings.docs == "on" else "/"
    if not LOCAL_PATH.fullmatch(wanted):
        raise Terminal("invalid_argument", "next: takes a path of krai's own, which begins with one slash, in printable ASCII.")
    return wanted


def _link(issuer: Issuer, then: str) -> str:
    return f"login?{urlencode({'issuer': issuer.issuer, 'next': then})}"


async def _begun(request: Request, api: Api, base_url: str) -> LoginState:
    """The sign-in that this browser has begun. Raises Terminal login_failed."""
    values = cookies.read(request, Cookie.LOGIN, base_url)
    begun = await login_state.unseal(api.stores.directory, values[0], api.stores.jobs.now()) if len(values) == 1 else None
    state = _answered(request, "state") or ""
    if begun is None:
        raise Terminal("login_failed", "This browser has not begun to sign in, or it took more than ten minutes.")
    if not hmac.compare_digest(state.encode("utf-8", "surrogatepass"), begun.handshake.state.encode()):
        raise Terminal("login_failed", "This is the answer to another sign-in.")
    return begun


async def _identity(request: Request, sign_in: SignIn, handshake: Handshake, base_url: str) -> Identity:
    if _answered(request, "error") is not None:
        observe.log().info("sign-in given up", issuer=handshake.issuer)
        raise Terminal("login_failed", "The identity provider did not sign you in.")
    code, iss = _answered(request, "code"), _answered(request, "iss")
    return await sign_in.finish(handshake, base_url + CALLBACK, code=code or "", iss=iss)


def _answered(request: Request, name: str) -> str | None:
    try:
        return _once(request, name)
    except Terminal:
        raise Terminal("login_failed", "The identity provider's answer says something twice.") from None


async def _end_session(request: Request, api: Api, base_url: str) -> None:
    for text in cookies.read(request, Cookie.SESSION, base_url):
        await sessions.end(api.stores.directory, text)
