"""`krai users`: who may sign in. For admins."""

from typing import Annotated

import typer

from krai.cli.config import connect
from krai.cli.options import ApiKey, AsJson, Url
from krai.cli.output import OUTPUT

app = typer.Typer(no_args_is_help=True, help="Say who may sign in. For admins.")
Email = Annotated[str, typer.Argument(metavar="EMAIL")]


@app.command("list")
def list_(*, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """List who may sign in."""
    with connect(url, api_key) as client:
        found = client.users()
    OUTPUT.document({"users": [user.document for user in found]})
    head = ("email", "role", "groups", "signed in", "added")
    OUTPUT.table(head, [(user.email, user.role, user.groups, user.signed_in, user.added_at) for user in found])


@app.command()
def add(
    email: Email,
    *,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="user, or admin, who may do everything.")] = "user",
    group: Annotated[
        list[str] | None, typer.Option("--group", metavar="NAME", help="That datasets are granted to; may be repeated.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Let somebody in, or change what they may do."""
    with connect(url, api_key) as client:
        user = client.put_user(email, role=role, groups=group or ())
    OUTPUT.document(user.document)
    OUTPUT.line(f"{user.email} may sign in as {user.role}.")


@app.command()
def remove(email: Email, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """Let somebody in no more; the keys they have made end with it."""
    with connect(url, api_key) as client:
        client.remove_user(email)
    OUTPUT.document({"removed": email})
    OUTPUT.line(f"{email} is let in no more, within a minute.")
