"""`krai datasets`: what there is to export."""

from typing import Annotated

import typer

from krai.cli.config import connect
from krai.cli.jobs import settle
from krai.cli.options import ApiKey, AsJson, Follow, Timeout, Url, Yes
from krai.cli.output import OUTPUT, count, size

app = typer.Typer(help="See what there is to export.")
Name = Annotated[str, typer.Argument(metavar="DATASET")]


@app.callback(invoke_without_command=True)
def datasets(context: typer.Context, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """See what there is to export."""
    if context.invoked_subcommand is None:
        list_(url=url, api_key=api_key)


@app.command("list")
def list_(*, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """List the datasets."""
    with connect(url, api_key) as client:
        found = client.datasets()
    OUTPUT.document({"datasets": [dataset.document for dataset in found]})
    head = ("dataset", "rows", "columns", "size", "updated")
    OUTPUT.table(head, [(one.name, one.rows, len(one.columns), size(one.bytes), one.updated_at) for one in found])


@app.command()
def show(name: Name, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """Show a dataset and its columns."""
    with connect(url, api_key) as client:
        found = client.dataset(name)
    OUTPUT.document(found.document)
    OUTPUT.say(f"{found.name}: {count(found.rows)}, {size(found.bytes)}, snapshot {found.snapshot_id}.")
    OUTPUT.table(("column", "type", "null"), [(column.name, column.type, column.nullable) for column in found.columns])


@app.command()
def history(name: Name, *, url: Url = None, api_key: ApiKey = None, _json: AsJson = False) -> None:
    """List what jobs have made of a dataset, newest first: --as-of of an export takes a snapshot."""
    with connect(url, api_key) as client:
        found = client.snapshots(name)
    OUTPUT.document({"snapshots": [snapshot.document for snapshot in found]})
    head = ("snapshot", "committed", "mode", "rows", "inserted", "updated", "job")
    rows = [(one.snapshot_id, one.committed_at, one.mode, one.rows, one.records_inserted, one.records_updated, one.job_id) for one in found]
    OUTPUT.table(head, rows)


@app.command()
def drop(
    name: Name,
    *,
    yes: Yes = False,
    wait: Follow = True,
    timeout: Timeout = None,
    url: Url = None,
    api_key: ApiKey = None,
    _json: AsJson = False,
) -> None:
    """Remove a dataset, for good. For admins."""
    OUTPUT.insist(f"Remove the dataset {name} for good?", yes=yes)
    with connect(url, api_key, transfers=True) as client:
        settle(client, client.drop_dataset(name), timeout, wait=wait)
