"""Options that many commands have. Each has an environment variable: one of its own, or KRAI_ and the command and the option."""

import csv
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from krai.cli.output import OUTPUT


def _json(chosen: bool) -> bool:  # noqa: FBT001 - a callback of typer
    OUTPUT.json = OUTPUT.json or chosen
    return chosen


Url = Annotated[
    str | None, typer.Option("--url", envvar="KRAI_URL", metavar="URL", help="The address of krai.", rich_help_panel="Everywhere")
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        "--api-key",
        envvar="KRAI_API_KEY",
        metavar="KEY",
        help="An API key; others on this machine can see a flag, so better by the variable.",
        rich_help_panel="Everywhere",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        envvar="KRAI_JSON",
        is_eager=True,
        callback=_json,
        help="One JSON document on stdout, also for an error.",
        rich_help_panel="Everywhere",
    ),
]
Follow = Annotated[bool, typer.Option("--wait/--no-wait", envvar="KRAI_WAIT", help="Wait for the job to end.")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", envvar="KRAI_TIMEOUT", min=0.0, metavar="SECONDS", help="Wait no longer than this; the job goes on."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The id of a job.")]
Labels = Annotated[list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="To find the job by; may be repeated.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Shown with the job.")]


def names(lists: Iterable[str] | None) -> list[str] | None:
    """Of `a,b` and of `a` and `b`; a name with a comma stands in double quotes."""
    found = [name.strip() for text in lists or () for row in csv.reader([text], skipinitialspace=True) for name in row]
    return found or None


def pairs(texts: Iterable[str] | None, option: str) -> dict[str, str] | None:
    """Of `name=value`, split at the last `=`. Raises BadParameter."""
    found = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        if not equals or not name:
            raise typer.BadParameter("Takes name=value.", param_hint=option)
        found[name] = value
    return found or None


def given(**fields: Any) -> dict[str, Any]:
    """What was said; krai has the defaults."""
    return {name: value for name, value in fields.items() if value is not None}
