"""`krai import`: a file from here becomes rows of a dataset."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from krai.cli.config import connect
from krai.cli.ending import REJECTS, USAGE, Ended, failed
from krai.cli.exports import AGAIN, Compression, Format, Profile
from krai.cli.following import follow, interruptible
from krai.cli.options import ApiKey, AsJson, Description, Follow, Labels, Timeout, Url, given, names, pairs
from krai.cli.output import OUTPUT, count, size
from krai.client import Client, Job, Result

STDIN = "-"
REMOTE = {"https://": "url", "gs://": "uri"}


class Mode(StrEnum):
    APPEND = "append"
    REPLACE = "replace"
    UPSERT = "upsert"


class OnError(StrEnum):
    REJECT = "reject"
    ABORT = "abort"


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A file; - for stdin; or an https:// or gs:// address that krai reads itself.")
    ],
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="It is made when it is not there.")],
    *,
    mode: Annotated[Mode | None, typer.Option("--mode", help="What becomes of the rows that are there; append unless said.")] = None,
    key: Annotated[list[str] | None, typer.Option("--key", metavar="A,B", help="What tells rows apart, with --mode upsert.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="FILE=DATASET", help="Another name for a column of the file; none: it is left out."),
    ] = None,
    schema: Annotated[
        list[str] | None, typer.Option("--schema", metavar="COLUMN=TYPE", help="The type of a column, such as lat=float64.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", envvar="KRAI_CLI_IMPORT_FORMAT", help="By its content unless said.")
    ] = None,
    compression: Annotated[Compression | None, typer.Option("--compression", help="By its content unless said.")] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", metavar="NAME", help="The sheet of an XLSX file, or its number from 1.")] = None,
    evolve: Annotated[bool | None, typer.Option("--evolve", help="The file may bring new columns.")] = None,
    on_error: Annotated[OnError | None, typer.Option("--on-error", help="abort: the first row that does not fit fails the job.")] = None,
    max_errors: Annotated[int | None, typer.Option("--max-errors", min=0, metavar="ROWS", help="More rejected rows fail the job.")] = None,
    dry_run: Annotated[bool | None, typer.Option("--dry-run", help="Say what it would do; the dataset stays as it is.")] = None,
    rejects: Annotated[Path | None, typer.Option("--rejects", metavar="FILE", help="Put the rejected rows there, as they came.")] = None,
    csv_delimiter: Annotated[str | None, typer.Option("--csv-delimiter", metavar="LETTER", help="Found unless said.")] = None,
    csv_quote: Annotated[str | None, typer.Option("--csv-quote", metavar="LETTER", help="none: quotes mean nothing.")] = None,
    csv_header: Annotated[bool | None, typer.Option("--csv-header/--no-csv-header")] = None,
    csv_encoding: Annotated[str | None, typer.Option("--csv-encoding", metavar="NAME", help="utf-8 unless said.")] = None,
    csv_null: Annotated[list[str] | None, typer.Option("--csv-null", metavar="TEXT", help="What means null; may be repeated.")] = None,
    csv_profile: Annotated[Profile | None, typer.Option("--csv-profile", help="spreadsheet: the file was exported so.")] = None,
    label: Labels = None,
    description: Description = None,
    wait: Follow = True,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Import a file into a dataset.

    The upload is gone on with where it was broken off, also by the same command after this one was killed, and nothing is imported
    twice. Ends with 5 when rows were rejected: krai jobs errors shows them.
    """
    csv: dict[str, Any] = given(delimiter=csv_delimiter, header=csv_header, encoding=csv_encoding, null=csv_null or None)
    csv |= given(profile=csv_profile and csv_profile.value)
    if csv_quote is not None:
        csv["quote"] = None if csv_quote == "none" else csv_quote
    renamed = pairs(column, "--column")
    request = given(
        mode=mode and mode.value,
        key=names(key),
        columns=renamed and {name: there or None for name, there in renamed.items()},
        schema=pairs(schema, "--schema"),
        format=form and form.value,
        compression=compression and compression.value,
        sheet=int(sheet) if sheet and sheet.isdecimal() else sheet,
        evolve=evolve,
        on_error=on_error and on_error.value,
        max_errors=max_errors,
        dry_run=dry_run,
        csv=csv or None,
        labels=pairs(label, "--label"),
        description=description,
    )
    remote = next((name for prefix, name in REMOTE.items() if file.startswith(prefix)), None)
    with connect(url, api_key, transfers=True) as client:
        if remote is not None:
            job = client.create_import(dataset, {remote: file}, **request)
            job = follow(client, job.job_id, timeout) if wait else job
        else:
            with interruptible(client, again=AGAIN if file != STDIN else "Nothing was imported.") as progress:
                job = client.import_from(
                    _source(file), dataset, follow=wait, timeout_s=timeout, sent=progress.sent, seen=progress.seen, **request
                )
        if wait:
            tell(client, job, rejects)
        else:
            OUTPUT.document(job.document)
            OUTPUT.line(job.job_id)


def tell(client: Client, job: Job, rejects: Path | None = None) -> None:
    """What came of an import. Raises Ended when rows were rejected."""
    result = client.result(job.job_id)
    OUTPUT.document(result.document)
    if result.dry_run:
        _forecast(result)
    else:
        OUTPUT.line(f"{count(result.records_inserted or 0)} inserted into {result.dataset}, {result.records_updated or 0:,} updated.")
    if not result.records_rejected:
        return
    rejected = f"{count(result.records_rejected)} {'was' if result.records_rejected == 1 else 'were'} rejected"
    if rejects is not None:
        client.download_rejects(job.job_id, rejects)
        OUTPUT.say(f"{rejected}; {rejects} has them as they came.")
    else:
        OUTPUT.say(f"{rejected}: krai jobs errors {job.job_id} says why.")
    raise Ended(REJECTS)


def _forecast(result: Result) -> None:
    counts = (result.records_inserted, result.records_updated, result.records_rejected)
    OUTPUT.table(("would insert", "would update", "would reject", "bytes"), [(*counts, size(result.bytes or 0))])
    OUTPUT.line("")
    OUTPUT.table(("column", "type", "null"), [(column.name, column.type, column.nullable) for column in result.schema])


def _source(file: str) -> Any:
    """Raises Ended where there is no such file."""
    if file == STDIN:
        return sys.stdin.buffer
    path = Path(file)
    if not path.is_file():
        raise failed(USAGE, "no_file", f"There is no file {path}", "Check the name; - takes stdin.")
    return path
