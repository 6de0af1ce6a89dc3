"""`krai jobs`: look at jobs, follow them, steer them."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from krai.cli import exports, imports
from krai.cli.config import connect
from krai.cli.exports import STDOUT, Out
from krai.cli.following import follow, interruptible
from krai.cli.options import ApiKey, AsJson, Follow, JobId, Timeout, Url, Yes
from krai.cli.output import OUTPUT, count, span, text
from krai.client import Attempt, Client, Job, Reject

app = typer.Typer(no_args_is_help=True, help="Look at jobs, follow them, steer them.")
MOST_JOBS = 100
# Fields of a job that are shown, in this order.
SHOWN = ("type", "status", "dataset", "stage", "progress", "records_processed", "records_rejected", "bytes_processed", "attempt")
ENDED = {"handed_back": "handed back", "lost": "worker lost"}
LATER = ("created_by", "created_at", "started_at", "finished_at", "expires_at", "parent_job_id", "description")


@app.command("list")
def list_(
    *,
    kind: Annotated[
        str | None, typer.Option("--type", envvar="KRAI_CLI_JOBS_LIST_TYPE", metavar="TYPE", help="export, import, undo or drop.")
    ] = None,
    status: Annotated[str | None, typer.Option("--status", metavar="STATUS", help="Such as failed.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", metavar="NAME")] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="NAME=VALUE")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="JOBS")] = 20,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    found: list[Job] = []
    token = None
    with connect(url, api_key) as client:
        while len(found) < limit:
            page = client.jobs(
                type=kind and kind.lower(),
                status=status and status.upper(),
                dataset=dataset,
                label=label,
                page_size=min(MOST_JOBS, limit - len(found)),
                page_token=token,
            )
            found += page.jobs
            token = page.next_page_token
            if token is None:
                break
    OUTPUT.document({"jobs": [job.document for job in found]})
    head = ("job", "type", "status", "dataset", "rows", "rejected", "created", "took")
    OUTPUT.table(head, [_row(job) for job in found])


def _row(job: Job) -> tuple[Any, ...]:
    took = span((job.finished_at - job.started_at).total_seconds()) if job.started_at and job.finished_at else None
    status = f"{job.status} {job.progress} %" if job.status == "PROCESSING" else job.status
    return (job.job_id, job.type, status, job.dataset, job.records_processed, job.records_rejected, job.created_at, took)


@app.command()
def show(job_id: JobId, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """Show a job: how far it is, and what came of it."""
    with connect(url, api_key) as client:
        job = client.job(job_id)
    _show(job)


def _show(job: Job) -> None:
    OUTPUT.document(job.document)
    rows = [("job", job.job_id)]
    rows += [(name.replace("_", " "), text(getattr(job, name))) for name in (*SHOWN, *LATER) if getattr(job, name) not in {None, ""}]
    rows += [("labels", text([f"{name}={value}" for name, value in job.labels.items()]))] if job.labels else []
    rows += [(name, text(value)) for name, value in job.params.items() if value not in (None, {}, "", False)]
    if job.error is not None:
        rows += [("error", f"{job.error.code}: {job.error.title}"), ("", job.error.detail)]
    rows += [(f"attempt {tried.number}", _story(tried)) for tried in job.attempts]
    OUTPUT.table(("", ""), rows)


def _story(tried: Attempt) -> str:
    """As 2026-11-21 09:30:00Z, failed after 0:28 while writing: store_busy."""
    begun = f"{text(tried.started_at)}, "
    on = f", on {tried.worker}" if tried.worker else ""
    if tried.ended_at is None:
        return f"{begun}under way{on}"
    where = "" if tried.outcome == "completed" else f" while {tried.stage}" if tried.stage != "queued" else ""
    why = f": {tried.code}" if tried.code else ""
    took = span((tried.ended_at - tried.started_at).total_seconds())
    return f"{begun}{ENDED.get(tried.outcome or '', tried.outcome)} after {took}{where}{on}{why}"


@app.command()
def watch(
    job_id: JobId,
    *,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Follow a job to its end; the exit code says which that was."""
    with connect(url, api_key, transfers=True) as client:
        _finish(client, follow(client, job_id, timeout))


def _finish(client: Client, job: Job) -> None:
    """What came of a COMPLETED job of whichever kind."""
    if job.type == "import":
        imports.tell(client, job)
        return
    result = client.result(job.job_id)
    OUTPUT.document(result.document)
    match job.type:
        case "export":
            OUTPUT.line(f"{count(result.records or 0)} of {job.dataset}; krai jobs download {job.job_id} -o FILE fetches them.")
        case "undo":
            told = (
                f"{count(result.records_removed or 0)} removed",
                f"{result.records_restored or 0:,} restored",
                f"{result.records_kept or 0:,} kept",
            )
            OUTPUT.line(f"{', '.join(told)}.")
        case _:
            OUTPUT.line(f"{job.dataset} is gone.")


@app.command()
def download(
    job_id: JobId,
    *,
    output: Out,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Fetch the files of a finished export."""
    if output == STDOUT and OUTPUT.json:
        raise typer.BadParameter("stdout has the file, so it has no room for --json.", param_hint="--json")
    target: Any = sys.stdout.buffer if output == STDOUT else Path(output)
    with connect(url, api_key, transfers=True) as client, interruptible(client, again=exports.AGAIN) as progress:
        done = client.download(job_id, target, arrived=progress.arrived)
    exports.tell(done)


@app.command()
def cancel(job_id: JobId, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """Cancel a job."""
    with connect(url, api_key) as client:
        job = client.cancel(job_id)
    OUTPUT.document(job.document)
    OUTPUT.line("The job is cancelled." if job.finished else "The job is being cancelled.")


@app.command()
def retry(
    job_id: JobId,
    *,
    rejects: Annotated[
        Path | None, typer.Option("--rejects", exists=True, dir_okay=False, metavar="FILE", help="Import these rejected rows, mended.")
    ] = None,
    wait: Follow = True,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Run a failed or cancelled job again, or import mended rejects."""
    with connect(url, api_key, transfers=True) as client:
        upload_id = None if rejects is None else client.upload(rejects)
        settle(client, client.retry(job_id, upload_id=upload_id), timeout, wait=wait)


@app.command()
def undo(
    job_id: JobId,
    *,
    wait: Follow = True,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Take back what an import did, but for what newer ones have written."""
    with connect(url, api_key, transfers=True) as client:
        settle(client, client.undo(job_id), timeout, wait=wait)


def settle(client: Client, job: Job, timeout_s: float | None, *, wait: bool) -> None:
    """Say what came of a new job, or which it is."""
    if wait:
        OUTPUT.say(f"The job is {job.job_id}.")
        _finish(client, follow(client, job.job_id, timeout_s))
    else:
        OUTPUT.document(job.document)
        OUTPUT.line(job.job_id)


@app.command()
def errors(
    job_id: JobId,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="ROWS")] = 100,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Put all rejected rows there, as they came.")
    ] = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Show the rows that an import has rejected, and why."""
    found: list[Reject] = []
    token = None
    with connect(url, api_key) as client:
        while True:
            page = client.rejects(job_id, page_size=limit - len(found), page_token=token)
            found += page.errors
            token = page.next_page_token
            if token is None or len(found) >= limit:
                break
        if output is not None:
            client.download_rejects(job_id, output)
    OUTPUT.document({"errors": [reject.document for reject in found], "total": page.total})
    OUTPUT.table(("row", "column", "code", "why", "as it came"), [(one.row, one.column, one.code, one.detail, one.raw) for one in found])
    if page.total > len(found):
        OUTPUT.say(f"{len(found):,} of {count(page.total)}; -o FILE has all.")


@app.command()
def delete(
    job_id: JobId,
    *,
    yes: Yes = False,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Delete a finished job and its files."""
    OUTPUT.insist(f"Delete the job {job_id} and its files?", yes=yes)
    with connect(url, api_key) as client:
        client.delete(job_id)
    OUTPUT.document({"deleted": job_id})
    OUTPUT.line("The job and its files are gone.")
