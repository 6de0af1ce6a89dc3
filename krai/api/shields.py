"""Headers that tell a browser to do nothing with an answer but show it."""

# No page of krai loads anything or may be framed; the page of the documentation brings its own script and style.
NOTHING = b"default-src 'none'; frame-ancestors 'none'; sandbox"
OF_THE_DOCS = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    b" connect-src 'self'; frame-ancestors 'none'"
)
# Of Mantine's components some bring a style of their own. Uploads go straight to where files are kept.
OF_THE_DASHBOARD = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'{uploads};"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
OF_PAGES = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
PAGES = ("/problems/", "/login", "/callback")
ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")  # RFC 6797


def shields(path: str, *, https: bool, uploads_to: str | None = None) -> list[tuple[bytes, bytes]]:
    """`https`: the address that clients know krai by is one. `uploads_to`: the origin of uploads, when that is not krai's own."""
    return [*ALWAYS, (b"content-security-policy", _policy(path, uploads_to)), *([HSTS] if https else [])]


def _policy(path: str, uploads_to: str | None) -> bytes:
    if path == "/ui" or path.startswith("/ui/"):
        return OF_THE_DASHBOARD.format(uploads=f" {uploads_to}" if uploads_to else "").encode()
    return OF_THE_DOCS if path == "/docs" else OF_PAGES if path.startswith(PAGES) else NOTHING
