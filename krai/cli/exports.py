"""`krai export`: a dataset becomes a file here."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from krai.cli.config import connect
from krai.cli.following import interruptible
from krai.cli.options import ApiKey, AsJson, Description, Follow, Labels, Timeout, Url, given, names, pairs
from krai.cli.output import OUTPUT, count, size
from krai.client.exporting import Exported

STDOUT = "-"
PACKED = {".gz": "gzip", ".zst": "zstd"}
FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
AGAIN = "The same command goes on where this one has stopped."


class Format(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    NDJSON = "ndjson"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"


class Compression(StrEnum):
    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


class Profile(StrEnum):
    RFC4180 = "rfc4180"
    SPREADSHEET = "spreadsheet"


Out = Annotated[
    str, typer.Option("--output", "-o", metavar="FILE", help="The file; a folder with --split-rows; - for stdout.", show_default=False)
]


def export(
    dataset: Annotated[str, typer.Argument(metavar="DATASET")],
    *,
    output: Out,
    form: Annotated[
        Format | None, typer.Option("--format", "-f", envvar="KRAI_CLI_EXPORT_FORMAT", help="By the name of the file unless said.")
    ] = None,
    compression: Annotated[Compression | None, typer.Option("--compression", help="By the name of the file unless said.")] = None,
    columns: Annotated[list[str] | None, typer.Option("--columns", metavar="A,B", help="These, in this order.")] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--filter",
            envvar="KRAI_CLI_EXPORT_FILTER",
            metavar="SQL",
            help="Rows for which this is true, such as \"country = 'DE' AND id > 7\".",
        ),
    ] = None,
    order_by: Annotated[list[str] | None, typer.Option("--order-by", metavar="A,-B", help="Sorted; - before a name descends.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="ROWS", help="The first rows.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="The dataset as it was: a time, or a snapshot id.")] = None,
    split_rows: Annotated[
        int | None, typer.Option("--split-rows", min=1, metavar="ROWS", help="Files of so many rows, into a folder.")
    ] = None,
    csv_delimiter: Annotated[str | None, typer.Option("--csv-delimiter", metavar="LETTER")] = None,
    csv_header: Annotated[bool | None, typer.Option("--csv-header/--no-csv-header")] = None,
    csv_null: Annotated[str | None, typer.Option("--csv-null", metavar="TEXT", help="How null is spelled.")] = None,
    csv_profile: Annotated[Profile | None, typer.Option("--csv-profile", help="spreadsheet: no text is taken for a formula.")] = None,
    label: Labels = None,
    description: Description = None,
    wait: Follow = True,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Export a dataset to a file.

    The download is gone on with when it is broken off, and checked; the file is there when it is whole. A command that was killed is
    gone on with by the same command.
    """
    _refuse(output, split_rows=split_rows, follow=wait)
    found_form, found_compression = _by_name(output, form, compression, into=bool(split_rows))
    csv = given(delimiter=csv_delimiter, header=csv_header, null=csv_null, profile=csv_profile and csv_profile.value)
    request = given(
        format=found_form,
        compression=found_compression,
        columns=names(columns),
        filter=condition,
        order_by=names(order_by),
        limit=limit,
        as_of=as_of,
        split_rows=split_rows,
        csv=csv or None,
        labels=pairs(label, "--label"),
        description=description,
    )
    with connect(url, api_key, transfers=True) as client:
        if not wait:
            job = client.create_export(dataset, **request)
            OUTPUT.document(job.document)
            OUTPUT.line(job.job_id)
            OUTPUT.say(f"krai jobs download {job.job_id} -o {output} fetches it when it is done.")
            return
        target: Any = sys.stdout.buffer if output == STDOUT else Path(output)
        with interruptible(client, again=AGAIN) as progress:
            done = client.export_to(dataset, target, timeout_s=timeout, seen=progress.seen, arrived=progress.arrived, **request)
    tell(done)


def tell(done: Exported) -> None:
    """What came of it. With the data itself on stdout that is only for who watches."""
    rows, files = done.result.records or 0, [str(path) for path in done.paths]
    if not files:
        sys.stdout.flush()
        OUTPUT.say(f"{count(rows)}, {size(done.result.file_size_bytes or 0)}.")
        return
    OUTPUT.document({**done.result.document, "paths": files})
    for path in done.paths:
        OUTPUT.line(str(path))
    cut = "" if done.result.complete else " (cut short by the limit)"
    OUTPUT.say(f"{count(rows)} of {done.result.dataset}, {size(done.result.file_size_bytes or 0)}, checked{cut}.")


def _refuse(output: str, *, split_rows: int | None, follow: bool) -> None:
    if output != STDOUT:
        return
    if OUTPUT.json:
        raise typer.BadParameter("stdout has the file, so it has no room for --json.", param_hint="--json")
    if split_rows:
        raise typer.BadParameter("Several files do not go to stdout; name a folder.", param_hint="--output")
    if not follow:
        raise typer.BadParameter("Without waiting nothing comes to stdout.", param_hint="--no-wait")


def _by_name(output: str, form: Format | None, compression: Compression | None, *, into: bool) -> tuple[str, str | None]:
    """Format and compression. Raises BadParameter where the name does not tell."""
    suffixes = [] if output == STDOUT or into else [suffix.lower() for suffix in Path(output).suffixes]
    packed = PACKED.get(suffixes[-1]) if suffixes else None
    if packed:
        suffixes.pop()
    told = FORMATS.get(suffixes[-1]) if suffixes else None
    if form is None and told is None and not (output == STDOUT or into or Path(output).is_dir()):
        raise typer.BadParameter(f"The name does not tell the format; say --format {'|'.join(Format)}.", param_hint="--output")
    return form.value if form else told or "csv", compression.value if compression else packed
