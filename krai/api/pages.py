"""The few pages that krai shows to people, each by itself: no script, no other file, nothing to frame."""

import html
from collections.abc import Iterable

from krai.errors import KraiError, Problem

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><body style="font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem">
{content}</body></html>"""


def problem(found: Problem) -> str:
    """What a problem means and what to do."""
    lines = (f"<h1>{_text(found.title)}</h1>", f"<p>{_text(found.remedy)}</p>", _code(found))
    return PAGE.format(title=found.code, content="".join(lines))


def no_sign_in(error: KraiError) -> str:
    """Why somebody is not signed in."""
    found = error.problem
    lines = (f"<h1>{_text(found.title)}</h1>", f"<p>{_text(error.detail)}</p>" if error.detail else "", f"<p>{_text(found.remedy)}</p>")
    again = '<p><a href="login">Sign in again</a></p>'
    return PAGE.format(title="Not signed in", content="".join((*lines, again, _code(found))))


def providers(links: Iterable[tuple[str, str]]) -> str:
    """Where somebody can sign in: names, each with its address."""
    entries = "".join(f'<p><a href="{_text(address)}">{_text(name)}</a></p>' for name, address in links)
    return PAGE.format(title="Sign in", content=f"<h1>Sign in</h1><p>Choose whom you sign in with:</p>{entries}")


def _code(found: Problem) -> str:
    return f"<p><code>{found.code}</code>, HTTP status {found.status}</p>"


def _text(text: str) -> str:
    return html.escape(text)
