"""BigQuery's jobs: statements that are asked, and jobs that take effect once however often they are sent."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from krai.errors import Terminal
from krai.warehouse.bigquery.failures import PASSING, is_apart, reason_of, translated

_URL = re.compile(r"bigquery://([^/]+)/([^/]+)")
_RETRY = bigquery.DEFAULT_RETRY.with_timeout(30)
# A job that was refused because it is there may not be seen for a moment.
_RETRY_TO_FIND = Retry(predicate=if_exception_type(NotFound, *PASSING), timeout=30)
_REQUEST_S = 60
_TRIES = 5
_PAUSE_S = 0.2
_PAGE_ROWS = 100_000
_NOT_OF_A_LABEL = re.compile(r"[^a-z0-9_-]", re.ASCII)


class Jobs:
    """The tables of one BigQuery dataset, by name; connects when it is first used. For several threads at once.

    `url` is bigquery://project/dataset, `emulator` an http address instead of Google's.
    """

    def __init__(self, url: str, *, emulator: str | None = None) -> None:
        found = _URL.fullmatch(url)
        if found is None:
            message = "not an address of a BigQuery dataset"
            raise ValueError(message)
        self._project, self._dataset = found[1], found[2]
        self._emulator = emulator
        self._local = threading.local()
        self._location: str | None = None

    def named(self, table: str) -> str:
        """A table as statements name it."""
        return f"`{self._project}.{self._dataset}.{table}`"

    def ask(self, query: str, parameters: Mapping[str, str] | None = None, *, label: str = "") -> list[bigquery.Row]:
        """The rows of a small answer. Raises the client's failures."""
        config = bigquery.QueryJobConfig(query_parameters=_bound(parameters or {}), labels=_labels(label))
        return list(self._client.query_and_wait(query, job_config=config, api_timeout=_REQUEST_S, retry=_RETRY))

    def pages(self, query: str, parameters: Mapping[str, str], *, label: str) -> Iterator[list[dict[str, Any]]]:
        """The rows of an answer as they come."""
        with translated():
            config = bigquery.QueryJobConfig(query_parameters=_bound(parameters), labels=_labels(label))
            answer = self._client.query_and_wait(query, job_config=config, api_timeout=_REQUEST_S, retry=_RETRY, page_size=_PAGE_ROWS)
            for page in answer.pages:
                yield page.raw_page.get("rows", [])

    def run(self, statement: str, job_id: str, parameters: Mapping[str, str] | None = None, *, label: str) -> None:
        """Run a statement or a script once. Raises the client's failures."""
        config = bigquery.QueryJobConfig(query_parameters=_bound(parameters or {}), labels=_labels(label))

        def begin() -> bigquery.QueryJob:
            return self._client.query(statement, job_config=config, job_id=job_id, retry=_RETRY, timeout=_REQUEST_S, job_retry=None)

        self._once(job_id, begin)

    def load(self, file: BinaryIO | str, table: str, job_id: str, *, label: str) -> None:
        """Add the rows of a Parquet file, here or at gs://…, to a table, once. Raises Terminal type_mismatch and what `translated` says."""
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels=_labels(label),
        )
        target = f"{self._project}.{self._dataset}.{table}"

        def begin() -> bigquery.LoadJob:
            if isinstance(file, str):
                return self._client.load_table_from_uri(file, target, job_id=job_id, job_config=config, retry=_RETRY, timeout=_REQUEST_S)
            return self._client.load_table_from_file(file, target, rewind=True, job_id=job_id, job_config=config, timeout=_REQUEST_S)

        with translated():
            try:
                self._once(job_id, begin)
            except BadRequest as error:
                if is_apart(error):
                    raise
                raise Terminal("type_mismatch", f"BigQuery does not take the rows: {reason_of(error)}.") from None

    def tables(self) -> Iterable[str]:
        with translated():
            found = self._client.list_tables(f"{self._project}.{self._dataset}", retry=_RETRY, timeout=_REQUEST_S)
            return [table.table_id for table in found]

    def table(self, name: str) -> bigquery.Table:
        """Raises NotFound and the client's other failures."""
        return self._client.get_table(f"{self._project}.{self._dataset}.{name}", retry=_RETRY, timeout=_REQUEST_S)

    def view(self, name: str) -> str | None:
        """The query of a view; None when there is none. Raises the client's failures but NotFound."""
        try:
            query: str | None = self.table(name).view_query
        except NotFound:
            return None
        return query

    def remove(self, table: str) -> None:
        with translated():
            self._client.delete_table(f"{self._project}.{self._dataset}.{table}", not_found_ok=True, retry=_RETRY, timeout=_REQUEST_S)

    def _once(self, job_id: str, begin: Callable[[], Any]) -> None:
        """Send a job until it is known to be there, and wait for its end.

        BigQuery takes the id of a job once: when the answer to the first try was lost the second is refused, and the job is there.
        """
        for left in reversed(range(_TRIES)):
            try:
                job = begin()
            except Conflict:
                job = self._client.get_job(job_id, location=self._place(), retry=_RETRY_TO_FIND, timeout=_REQUEST_S)
            except PASSING:
                if not left:
                    raise
                time.sleep(random.uniform(_PAUSE_S, 2 * _PAUSE_S) * (_TRIES - left))  # noqa: S311 (no secret)
                continue
            if job.state != "DONE" or job.error_result is not None:
                _wait(job)
            return

    def _place(self) -> str:
        """Where BigQuery keeps the dataset: a job is looked for there."""
        if self._location is None:
            found = self._client.get_dataset(f"{self._project}.{self._dataset}", retry=_RETRY, timeout=_REQUEST_S)
            self._location = str(found.location)
        return self._location

    @property
    def _client(self) -> bigquery.Client:
        """One for each thread: its connections are for one."""
        if not hasattr(self._local, "client"):
            if self._emulator is None:
                self._local.client = bigquery.Client(project=self._project)
            else:
                there = ClientOptions(api_endpoint=self._emulator)
                self._local.client = bigquery.Client(project=self._project, credentials=AnonymousCredentials(), client_options=there)
        client: bigquery.Client = self._local.client
        return client


def _bound(texts: Mapping[str, str]) -> list[bigquery.ScalarQueryParameter]:
    return [bigquery.ScalarQueryParameter(name, "STRING", text) for name, text in texts.items()]


def _wait(job: bigquery.QueryJob | bigquery.LoadJob) -> None:
    """Return when it has succeeded. Raises the client's failures."""
    if isinstance(job, bigquery.QueryJob):
        job.result(retry=_RETRY, job_retry=None)
    else:
        job.result(retry=_RETRY)


def _labels(job_id: str) -> dict[str, str]:
    """What the bill is read by: the krai job, as far as letters of labels go."""
    return {"krai_job": _NOT_OF_A_LABEL.sub("_", job_id.lower())[:63]} if job_id else {}
