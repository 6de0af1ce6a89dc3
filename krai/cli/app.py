"""The commands, and how each of them ends."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer import TyperException

import krai
from krai.cli import datasets, doctor, ending, exports, imports, jobs, keys, login, users, verify
from krai.cli.output import OUTPUT
from krai.client import ClientError

app = typer.Typer(
    name="krai",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "KRAI_CLI"},
)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("export")(exports.export)
app.command("import")(imports.import_)
app.add_typer(jobs.app, name="jobs")
app.add_typer(datasets.app, name="datasets")
app.add_typer(users.app, name="users")
app.add_typer(keys.app, name="keys")
app.command("verify")(verify.verify)
app.command("doctor")(doctor.doctor)


def _say_version(chosen: bool) -> None:  # noqa: FBT001 - a callback of typer
    if chosen:
        OUTPUT.line(f"krai {krai.__version__}")
        raise typer.Exit


@app.callback()
def krai_(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, show_envvar=False, help="Say which krai this is.")
    ] = False,
) -> None:
    """Bulk exports and imports as jobs.

    Data goes to stdout, all else to stderr. Ends with 0: done, 1: an error, 2: the call is not right, 3: the job failed, 4: the
    credential is missing or not enough, 5: done, but rows were rejected, 6: waited too long, 130: interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. Raises SystemExit where the call is not right."""
    told = list(sys.argv[1:] if arguments is None else arguments)
    OUTPUT.json = "--json" in told
    try:
        app(told, prog_name="krai", standalone_mode=False)
    except (TyperException, ClientError, ending.Ended, OSError, ValueError, KeyboardInterrupt, typer.Abort) as error:
        code = _end(error)
    else:
        return ending.OK
    if code == ending.USAGE:
        raise SystemExit(code)
    return code


def _end(error: BaseException) -> int:
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has gone; Python would say so at its end
        return ending.ERROR
    if document := ending.document(error):
        OUTPUT.document(document)
    for line in ending.lines(error):
        OUTPUT.say(line)
    return ending.exit_code(error)
