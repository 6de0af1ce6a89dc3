"""`krai keys`: API keys for scripts."""

from typing import Annotated

import typer

from krai.cli.config import connect
from krai.cli.options import ApiKey, AsJson, Url, names
from krai.cli.output import OUTPUT
from krai.client import Key

app = typer.Typer(no_args_is_help=True, help="Make and revoke API keys for scripts.")
KeyId = Annotated[str, typer.Argument(metavar="KEY_ID", help="All of a key that is no secret: krai keys list shows it.")]


@app.command("list")
def list_(*, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """List your keys; an admin sees all."""
    with connect(url, api_key) as client:
        found = client.keys()
    OUTPUT.document({"keys": [key.document for key in found]})
    head = ("key id", "name", "scopes", "owner", "expires", "last used")
    OUTPUT.table(head, [(key.key_id, key.name, key.scopes, key.email or key.owner, key.expires_at, key.last_used_at) for key in found])


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for.")],
    *,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="A,B", help="Of read, export, import, admin; all but admin unless said.")
    ] = None,
    expires_in_days: Annotated[int, typer.Option("--expires-in-days", min=0, metavar="DAYS", help="0: it does not end by itself.")] = 90,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Make a key. It is shown this once, on stdout."""
    with connect(url, api_key) as client:
        _tell(client.create_key(name, scopes=names(scope), expires_in_days=expires_in_days or None))


@app.command()
def rotate(
    key_id: KeyId,
    *,
    keep_old_hours: Annotated[int, typer.Option("--keep-old-hours", min=0, metavar="HOURS", help="So long the old secret works too.")] = 24,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Give a key a new secret. It is shown this once, on stdout."""
    with connect(url, api_key) as client:
        _tell(client.rotate_key(key_id, keep_old_hours=keep_old_hours))


def _tell(key: Key) -> None:
    OUTPUT.document(key.document)
    OUTPUT.line(key.key or "")
    OUTPUT.say(f"The key {key.key_id} may {', '.join(key.scopes)}. It is not shown again.")


@app.command()
def revoke(key_id: KeyId, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """End a key, at once."""
    with connect(url, api_key) as client:
        client.revoke_key(key_id)
    OUTPUT.document({"revoked": key_id})
    OUTPUT.line(f"The key {key_id} lets nobody in any more.")
