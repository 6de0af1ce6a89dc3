"""`krai login` and `krai logout`: which krai, and the key for it."""

import sys

import typer

from krai.cli import config
from krai.cli.ending import CREDENTIALS, failed
from krai.cli.options import AsJson, Url
from krai.cli.output import OUTPUT
from krai.client import Client

LONGEST_KEY = 1024


def login(
    *,
    url: Url = None,
    _json: AsJson = False,
) -> None:
    """Keep the address of krai and an API key for it.

    Asks for both; a script gives the address by --url and the key on stdin: krai login --url https://… < key
    """
    if url is None and OUTPUT.asks:
        url = str(typer.prompt("Address of krai, such as https://krai.example.org", default=config.known_url(), err=True))
    url = url or config.known_url()
    if url is None:
        raise typer.BadParameter("There is nobody to ask: say where krai is.", param_hint="--url")
    api_key = str(typer.prompt("API key", hide_input=True, err=True)) if OUTPUT.asks else sys.stdin.read(LONGEST_KEY)
    api_key = api_key.strip()
    if not api_key:
        raise failed(CREDENTIALS, "no_credential", "There was no key", "Give it on stdin, or at the question.")
    with Client(url, api_key, patience_s=config.BRIEF_S, say=OUTPUT.say) as client:
        card = client.card()
        client.me()
    config.write(url.strip().rstrip("/"), api_key)
    OUTPUT.document({"url": url, "version": card.version, "mode": card.mode, "config": str(config.path())})
    OUTPUT.line(f"krai {card.version} at {url} takes the key; {config.path()} has both.")


def logout(*, _json: AsJson = False) -> None:
    """Forget the API key that krai login has kept. The key itself goes on: krai keys revoke ends it."""
    url = config.forget_key()
    OUTPUT.document({"url": url})
    OUTPUT.line("There was no key." if url is None else f"The key for {url} is forgotten here.")
