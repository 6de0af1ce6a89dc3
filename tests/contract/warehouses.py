"""Places a warehouse can be in: a folder, alone or with a REST catalog, a bucket with Firestore of the emulators, PostgreSQL, or
a dataset of BigQuery's double."""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import httpx
import psycopg
import pytest
from pyarrow import fs

from krai.warehouse.bigquery import history
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.bigquery.names import Made
from scripts.emulators import Emulator, Emulators
from tests.bigquery_proxy import BigQueryProxy

PLACES = ("folder", "rest", "bucket", "postgres", "bigquery")
# What is theirs alone has suites of its own, which the gate runs.
LONG = frozenset({"rest", "bigquery"})


def without(*names: str, long: frozenset[str] = LONG) -> pytest.MarkDecorator:
    """Marks a test that is not for these places, and takes long in others."""
    marks = {name: [pytest.mark.long] if name in long else [] for name in PLACES if name not in names}
    return pytest.mark.parametrize("place", [pytest.param(name, marks=marks[name]) for name in marks], indirect=True)


# What a REST catalog has no part in: files are read as in a folder, and a commit is one request, which a dying client has sent or has not.
without_rest = without("rest")
# What other tests show of BigQuery as well: its double takes a third of a second for a commit.
without_double = without("bigquery")
# The catalog of a bucket is asked the same in a suite of its own.
many_processes = without("rest", "bigquery", long=frozenset({"bucket"}))


class Place(Protocol):
    """`url` is what processes open; the rest is how a test sees what stands there."""

    @property
    def url(self) -> str: ...

    @property
    def commits(self) -> int:
        """As many as a test that wants many may wait for."""

    def epochs(self, dataset: str, job_id: str) -> set[int]:
        """Those of a job that have left anything there."""

    def leftovers(self, dataset: str) -> list[str]:
        """What there is of a dataset, committed or not, but for parts of jobs that have not committed."""


@dataclass(frozen=True)
class Files:
    """A place where everything is a file."""

    url: str
    file_system: fs.FileSystem
    path: str
    commits: int = 60

    def epochs(self, dataset: str, job_id: str) -> set[int]:
        parts = (path.split("/")[-2] for path in self.files(".parquet") if f"/{dataset}/data/{job_id}/" in path)
        return {int(epoch.removeprefix("e")) for epoch in parts}

    def leftovers(self, dataset: str) -> list[str]:
        return [path for path in self.files() if f"/{dataset}/" in path]

    def files(self, suffix: str = "") -> list[str]:
        found = self.file_system.get_file_info(fs.FileSelector(self.path, recursive=True, allow_not_found=True))
        return sorted(info.path for info in found if info.is_file and info.path.endswith(suffix))


@dataclass(frozen=True)
class Database:
    url: str
    commits: int = 60

    def epochs(self, dataset: str, job_id: str) -> set[int]:
        parts = "select epoch from krai._parts where dataset = %s and job_id = %s"
        commits = "select epoch from krai._commits where dataset = %s and job_id = %s"
        with psycopg.connect(self.url) as connection:
            return {epoch for query in (parts, commits) for (epoch,) in connection.execute(query, (dataset, job_id))}

    def leftovers(self, dataset: str) -> list[str]:  # noqa: ARG002 (it is the only one in its database)
        """Tables and views of it, parts, and whatever is written down of it."""
        tables = "select format('%s.%s', schemaname, tablename) from pg_tables where schemaname = 'krai_rows'"
        views = "select format('%s.%s', schemaname, viewname) from pg_views where schemaname = 'krai'"
        commits = "select format('commit of %s', job_id) from krai._commits"
        pieces = "select format('piece of %s', table_name) from krai._pieces"
        parts = "select format('part of %s', job_id) from krai._parts"
        with psycopg.connect(self.url) as connection:
            return sorted(name for query in (tables, views, commits, pieces, parts) for (name,) in connection.execute(query))


@dataclass(frozen=True)
class BigQueryDataset:
    url: str
    jobs: Jobs
    commits: int = 20  # the double takes its time for each

    def epochs(self, dataset: str, job_id: str) -> set[int]:
        state = history.state(self.jobs, dataset, job_id)
        committed = set() if state is None or state.found is None else {state.found.epoch}
        return committed | {made.epoch for table in self.jobs.tables() if (made := Made.of(table)) and made.is_of(dataset, job_id)}

    def leftovers(self, dataset: str) -> list[str]:  # noqa: ARG002 (it is the only one there)
        return sorted(self.jobs.tables())


def folder(tmp_path: Path) -> Files:
    path = str(tmp_path / "warehouse")
    return Files(path, fs.LocalFileSystem(), path)


def rest(catalog: Emulator, tmp_path: Path) -> Files:
    """A folder whose tables are known to the catalog alone."""
    path = tmp_path / "warehouse"
    return Files(f"iceberg+http://{catalog.host}?{urlencode({'warehouse': tmp_path, 'location': path})}", fs.LocalFileSystem(), str(path))


def rest_catalog(folder: Path, token: Sequence[str] = ()) -> Emulator:
    """A running Iceberg REST catalog, which wants the token that is given when it starts, if any."""
    command = [sys.executable, "-m", "tests.contract.rest_catalog"]
    catalog = Emulator("rest catalog", lambda port: [*command, str(port), str(folder), *token], folder)
    catalog.start().wait_until_up()
    return catalog


def bucket(emulators: Emulators, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A bucket and a project nobody else knows. Google's variables lead there, in this process and in those it starts."""
    name = f"krai-{secrets.token_hex(6)}"
    httpx.post(f"http://{emulators.storage.host}/storage/v1/b", params={"project": name}, json={"name": name}).raise_for_status()
    for variable, value in {**emulators.hosts, "GOOGLE_CLOUD_PROJECT": name}.items():
        monkeypatch.setenv(variable, value)
    files = fs.GcsFileSystem(anonymous=True, scheme="http", endpoint_override=emulators.storage.host, retry_time_limit=timedelta(seconds=5))
    return Files(f"gs://{name}/warehouse", files, name)


def dataset(proxy: BigQueryProxy, monkeypatch: pytest.MonkeyPatch) -> BigQueryDataset:
    """A project and a dataset nobody else knows. Google's variable leads there, in this process and in those it starts."""
    name = f"krai-{secrets.token_hex(6)}"
    where = f"{proxy.url}/bigquery/v2/projects/{name}/datasets"
    httpx.post(where, json={"datasetReference": {"projectId": name, "datasetId": "krai"}}).raise_for_status()
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", proxy.url)
    url = f"bigquery://{name}/krai"
    return BigQueryDataset(url, Jobs(url, emulator=proxy.url))
